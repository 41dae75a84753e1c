import { failureOf } from '../calls/remote-failure.ts';
import { BusError, shown } from '../contract/index.ts';
import { type CreditAccount, WorkHold } from '../credit.ts';
import type { Identified } from '../id-table.ts';
import type { Share } from '../interest/group-shares.ts';
import type { NackOptions } from '../message.ts';
import type { ReasonText } from '../outcomes.ts';
import type { ActiveSubscription } from '../subscription.ts';

/** Why a message was not processed, as its sender is told. */
export interface Refusal {
  readonly reason: ReasonText;
  /** ms until it shall be sent again; undefined: the sender decides. */
  readonly retryIn: number | undefined;
}

/** Its sender will hear so by itself; until then it would be sent here again and again. */
const NOBODY_HERE: Refusal = { reason: 'nobody subscribes there any more', retryIn: undefined };
const LEFT: Refusal = { reason: 'the subscription was closed', retryIn: 0 };

/** Who hears what became of a message. */
export interface ProcessingHost {
  /** Every subscription that got it has said its word. */
  decided(processing: Processing, refusal: Refusal | undefined): void;
}

/**
 * One message that its sender wants acknowledged, from its arrival until every subscription here that got it has processed
 * or refused it. Its credit goes back when all of them are done with it.
 */
export class Processing implements CreditAccount, Identified {
  readonly id: number;
  nextInBucket: this | undefined;
  readonly #host: ProcessingHost;
  readonly #account: CreditAccount;
  readonly #cost: number;
  readonly #reliable: boolean;
  readonly #expiry: number;
  /** The delivery itself is the first holder of either, until it has offered the message to everybody. */
  #undecided = 1;
  #holders = 1;
  #refusal: Refusal | undefined;
  readonly #processedBy: Set<ActiveSubscription> | undefined;
  #isOffered = false;

  constructor(
    host: ProcessingHost,
    id: number,
    account: CreditAccount,
    cost: number,
    reliable: boolean,
    expiry: number,
    processedBy: Set<ActiveSubscription> | undefined,
  ) {
    this.#host = host;
    this.id = id;
    this.#account = account;
    this.#cost = cost;
    this.#reliable = reliable;
    this.#expiry = expiry;
    this.#processedBy = processedBy;
  }

  /** Who has processed it, this time or before; undefined when only one subscription is concerned. */
  get processedBy(): ReadonlySet<ActiveSubscription> | undefined {
    return this.#processedBy;
  }

  /** `subscription` gets the message. */
  part(subscription: ActiveSubscription, share?: Share): Part {
    this.#isOffered = true;
    this.#undecided++;
    this.#holders++;
    return new Part(this, subscription, this.#expiry, share);
  }

  /** Everybody here who wants it has it. */
  offered(): void {
    const isNobodys = !this.#isOffered && (this.#processedBy?.size ?? 0) === 0 && this.#refusal === undefined;
    this.decided(undefined, isNobodys ? NOBODY_HERE : undefined);
    this.returned();
  }

  /** `subscription` has processed it, or refused it. */
  decided(subscription: ActiveSubscription | undefined, refusal: Refusal | undefined): void {
    if (refusal !== undefined) this.#refusal ??= refusal;
    else if (subscription !== undefined) this.#processedBy?.add(subscription);
    if (--this.#undecided === 0) this.#host.decided(this, this.#refusal);
  }

  /** It cannot be read: that is no subscription's word, and sending it again changes nothing but who tries. */
  unreadable(error: BusError): void {
    this.#refusal ??= { reason: `it cannot be read: ${error.what}`, retryIn: undefined };
  }

  returned(): void {
    if (--this.#holders === 0) this.#account.returned(this.#cost, this.#reliable);
  }
}

/** One subscription's part in a message that is to be acknowledged. */
export class Part extends WorkHold {
  readonly #processing: Processing;
  readonly #subscription: ActiveSubscription;
  #isDecided = false;

  constructor(processing: Processing, subscription: ActiveSubscription, expiry: number, share: Share | undefined) {
    super(processing, 0, true, expiry, share);
    this.#processing = processing;
    this.#subscription = subscription;
  }

  ack(): void {
    this.#decide(undefined);
  }

  /** @throws BusError INVALID_OPTION */
  nack({ retryIn, reason }: NackOptions = {}): void {
    if (retryIn !== undefined && !(Number.isFinite(retryIn) && retryIn >= 0)) {
      throw new BusError('INVALID_OPTION', `retryIn ${shown(retryIn)} is no time`, {
        where: 'nack',
        remedy: 'give ms, 0 or more, or leave it out',
      });
    }
    this.#decide({
      reason: reason === undefined ? 'the handler refused it' : `the handler refused it: ${reason}`,
      retryIn,
    });
  }

  override done(): void {
    this.#decide(undefined);
    super.done();
  }

  override failed(error: unknown): void {
    this.#decide({ reason: `the handler failed: ${failureOf(error).message}`, retryIn: undefined });
    super.failed(error);
  }

  override left(): void {
    this.#decide(LEFT);
    super.left();
  }

  override givenUp(): void {
    this.#decide(LEFT);
    super.givenUp();
  }

  #decide(refusal: Refusal | undefined): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#processing.decided(this.#subscription, refusal);
  }
}
