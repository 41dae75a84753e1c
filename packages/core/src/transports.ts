import {
  BusError,
  CONTRACT_VERSION,
  contractCompatible,
  fromSystemError,
  type PeerInfo,
  type PeerTransport,
  type Receiver,
  type RegionProvider,
  shown,
  type TransportCapabilities,
  type TransportContext,
  type TransportPlugin,
} from './contract/index.ts';
import type { Hello } from './control/hello.ts';
import type { CommonTransport } from './link/route-set.ts';

/** A transport that works here, with this participant's inbox. */
export interface InUse {
  readonly name: string;
  readonly receiver: Receiver;
  readonly capabilities: TransportCapabilities;
  /** Peers may use it; else it closes as soon as none does. */
  readonly offered: boolean;
  /** Resolves when it is closed; undefined while it is offered. */
  left: Promise<void> | undefined;
}

interface Installed extends InUse {
  readonly plugin: TransportPlugin;
  readonly medium: PeerTransport;
  offered: boolean;
  onMessage: ((peer: PeerInfo, message: Uint8Array) => void) | undefined;
  onPeerLost: ((peer: PeerInfo, dead: boolean) => void) | undefined;
}

/** A transport that was asked for and cannot be used here. */
export interface Unavailable {
  readonly transport: string;
  readonly code: string;
  readonly reason: string;
  readonly fix: string;
}

/** What differs per plugin is filled in here; the rest of the context is the bus's. */
export type ContextBase = Omit<TransportContext, 'control'>;

/** The control plane, for the transports' own messages. */
export interface TransportControlHost {
  send(peer: PeerInfo, transport: string, message: Uint8Array): boolean;
  violation(peer: PeerInfo, error: BusError): void;
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Pieces and names are read in their order: what comes late is of no use any more, so the bus counts it as lost. */
function asCarried(capabilities: TransportCapabilities): TransportCapabilities {
  return capabilities.ordered ? capabilities : { ...capabilities, lossless: false };
}

/** A transport that cannot be used towards one peer. */
export interface Unusable {
  readonly transport: string;
  readonly reason: string;
}

type Offers = Hello['transports'];

/** Threads share memory only within a process. */
function whyNot(
  { plugin, capabilities }: Installed,
  offer: Offers[number] | undefined,
  sameProcess: boolean,
): string | undefined {
  if (offer === undefined) return 'the peer does not have it';
  if (capabilities.scope === 'thread' && !sameProcess) return 'it reaches threads of one process only';
  if (contractCompatible(offer.contract) || contractCompatible(CONTRACT_VERSION, offer.contract)) return undefined;
  return `the peer's ${plugin.name} is written for contract ${offer.contract}, this one for ${CONTRACT_VERSION}`;
}

/** The transports of one bus. */
export class TransportSet {
  unavailable: readonly Unavailable[] = [];
  readonly #installed = new Map<string, Installed>();
  /** Names of those that are being opened. */
  readonly #opening = new Set<string>();
  /** Media that were removed, and whose memory the application still has. */
  readonly #lingering = new Set<PeerTransport>();
  #context!: ContextBase;
  #control!: TransportControlHost;

  get installed(): readonly InUse[] {
    return [...this.#installed.values()];
  }

  find(name: string): InUse | undefined {
    return this.#installed.get(name);
  }

  /** @throws BusError VERSION_MISMATCH | DUPLICATE_TRANSPORT | INVALID_OPTION */
  static check(plugins: readonly TransportPlugin[]): void {
    const names = new Set<string>();
    for (const plugin of plugins) {
      const where = `plugin ${String(plugin.name)}`;
      if (typeof plugin.name !== 'string' || !NAME.test(plugin.name) || plugin.name === 'local') {
        throw new BusError('INVALID_OPTION', `${shown(plugin.name)} is not a transport name`, {
          where: 'plugins',
        });
      }
      if (!contractCompatible(plugin.contractVersion)) {
        throw new BusError(
          'VERSION_MISMATCH',
          `it is written for contract ${plugin.contractVersion}, the bus speaks ${CONTRACT_VERSION}`,
          {
            where,
            remedy: 'install matching releases of @busbar/core and the transport',
          },
        );
      }
      if (names.has(plugin.name)) {
        throw new BusError('DUPLICATE_TRANSPORT', 'two plugins bear this name', {
          where,
          remedy: 'give one of them another name',
        });
      }
      if (plugin.capabilities.addressing !== 'peer') {
        throw new BusError('INVALID_OPTION', 'topic-addressed transports are not carried by this release', {
          where,
          remedy: 'leave it out of plugins',
        });
      }
      names.add(plugin.name);
    }
  }

  /** Probes, creates and opens each plugin. What cannot be used is reported once and left out. */
  async start(plugins: readonly TransportPlugin[], context: ContextBase, control: TransportControlHost): Promise<void> {
    this.#context = context;
    this.#control = control;
    await Promise.all(plugins.map((plugin) => this.use(plugin)));
    // As they were given, whichever was ready first.
    for (const { name } of plugins) {
      const installed = this.#installed.get(name);
      if (installed === undefined) continue;
      this.#installed.delete(name);
      this.#installed.set(name, installed);
    }
  }

  /** Probes, creates and opens one; undefined when it cannot be used: then the last of `unavailable` says why. */
  async use(plugin: TransportPlugin): Promise<InUse | undefined> {
    this.#opening.add(plugin.name);
    try {
      return await this.#open(plugin);
    } finally {
      this.#opening.delete(plugin.name);
    }
  }

  async #open(plugin: TransportPlugin): Promise<InUse | undefined> {
    const context = this.#context;
    const control = this.#control;
    const { name } = plugin;
    this.unavailable = this.unavailable.filter(({ transport }) => transport !== name);
    const availability = await plugin.probe();
    if (!availability.available) {
      this.leaveOut(name, availability.code, availability.reason, availability.fix);
      return undefined;
    }
    const hooks: Pick<Installed, 'onMessage' | 'onPeerLost'> = { onMessage: undefined, onPeerLost: undefined };
    try {
      const medium = (await plugin.create({
        ...context,
        control: {
          send: (peer, message) => control.send(peer, plugin.name, message),
          violation: (peer, error) => control.violation(peer, error),
          onMessage: (handler) => {
            hooks.onMessage = handler;
          },
          onPeerLost: (handler) => {
            hooks.onPeerLost = handler;
          },
        },
      })) as PeerTransport;
      const receiver = await medium.listen();
      const capabilities = asCarried(availability.capabilities);
      const use = { name, plugin, medium, receiver, capabilities, offered: true, left: undefined };
      const installed: Installed = Object.assign(hooks, use);
      this.#installed.set(name, installed);
      return installed;
    } catch (cause) {
      const error = fromSystemError(cause, 'the transport cannot be opened', name);
      this.leaveOut(name, error.code, error.message, error.remedy ?? 'see the error');
      return undefined;
    }
  }

  /** Said once, and listed. */
  leaveOut(transport: string, code: string, reason: string, fix: string): void {
    this.unavailable = [...this.unavailable, { transport, code, reason, fix }];
    this.#context.logger.warn(`transport ${transport} is left out`, { code, reason, fix });
  }

  /** The name is taken. */
  has(name: string): boolean {
    return this.#installed.has(name) || this.#opening.has(name);
  }

  /** It is offered no more. */
  withdraw(name: string): void {
    const installed = this.#installed.get(name);
    if (installed !== undefined) installed.offered = false;
  }

  /** Closes one that was withdrawn, and that no peer uses any more. Never rejects. */
  async remove(name: string): Promise<void> {
    const installed = this.#installed.get(name);
    this.#installed.delete(name);
    if (installed === undefined) return;
    const { receiver, medium } = installed;
    await this.#close(receiver, name);
    this.#lingering.add(medium);
    const closed = new Promise<void>((resolve) => {
      const close = (): void => {
        this.#lingering.delete(medium);
        resolve(this.#close(medium, name));
      };
      if (medium.regions === undefined) close();
      else medium.regions.onIdle(close);
    });
    // For a lease that the application keeps nobody waits.
    if (!this.#lingering.has(medium)) await closed;
  }

  async #close(part: Receiver | PeerTransport, name: string): Promise<void> {
    try {
      await part.close();
    } catch (error) {
      this.#context.logger.warn(`transport ${name} did not close`, { error: String(error) });
    }
  }

  /** Those that peers may use. */
  #offered(): Installed[] {
    return [...this.#installed.values()].filter(({ offered }) => offered);
  }

  /** For HELLO. */
  offers(): Hello['transports'] {
    return this.#offered().map(({ plugin, receiver }) => ({
      name: plugin.name,
      contract: plugin.contractVersion,
      address: receiver.address,
    }));
  }

  /** What can be used towards a peer that offers `theirs`, in the order of installation. */
  commonWith(theirs: Offers, sameProcess: boolean): CommonTransport[] {
    const common: CommonTransport[] = [];
    for (const one of this.#offered()) {
      const { plugin, medium, capabilities } = one;
      const offer = theirs.find(({ name }) => name === plugin.name);
      if (offer === undefined || whyNot(one, offer, sameProcess) !== undefined) continue;
      common.push({ name: plugin.name, medium, address: offer.address, capabilities });
    }
    return common;
  }

  /** What one of the two has and cannot be used between them, and why. */
  unusableWith(theirs: Offers, sameProcess: boolean): Unusable[] {
    const own = this.#offered();
    const unusable: Unusable[] = [];
    for (const one of own) {
      const { name } = one.plugin;
      const reason = whyNot(
        one,
        theirs.find((offer) => offer.name === name),
        sameProcess,
      );
      if (reason !== undefined) unusable.push({ transport: name, reason });
    }
    for (const { transport, reason, fix } of this.unavailable)
      unusable.push({ transport, reason: `not available here: ${reason} (${fix})` });
    for (const { name } of theirs) {
      if (own.some(({ plugin }) => plugin.name === name)) continue;
      if (unusable.some(({ transport }) => transport === name)) continue;
      unusable.push({ transport: name, reason: 'the peer has it, this participant does not' });
    }
    return unusable;
  }

  /** The bulk memory of `transport`; undefined where it has none. */
  regions(transport: string): RegionProvider | undefined {
    return this.#installed.get(transport)?.medium.regions;
  }

  /** The first transport that has bulk memory, by name. */
  get lender(): string | undefined {
    for (const { plugin, medium } of this.#offered()) if (medium.regions !== undefined) return plugin.name;
    return undefined;
  }

  attach(peer: PeerInfo, transport: string, message: Uint8Array): void {
    this.#installed.get(transport)?.onMessage?.(peer, message);
  }

  peerLost(peer: PeerInfo, dead: boolean): void {
    for (const { onPeerLost } of this.#installed.values()) onPeerLost?.(peer, dead);
  }

  /** Nothing goes to `peer` over `transport` any more, though the link stands. */
  unlinked(peer: PeerInfo, transport: string): void {
    this.#installed.get(transport)?.onPeerLost?.(peer, false);
  }

  async close(): Promise<void> {
    const installed = [...this.#installed].map(async ([name, { medium, receiver }]) => {
      await this.#close(receiver, name);
      await this.#close(medium, name);
    });
    const lingering = [...this.#lingering].map((medium) => this.#close(medium, 'removed before'));
    await Promise.all([...installed, ...lingering]);
    this.#installed.clear();
    this.#lingering.clear();
  }
}
