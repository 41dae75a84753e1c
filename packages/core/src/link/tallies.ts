/** Counts the messages for which a rule chose a route. */
export interface Tally {
  readonly rule: string;
  messages: number;
}

/** How often each rule chose one route; a policy has few rules. */
export class Tallies {
  readonly all: Tally[] = [];

  /** Where messages are counted for `rule`. */
  of(rule: string): Tally {
    let tally = this.all.find((one) => one.rule === rule);
    if (tally === undefined) {
      tally = { rule, messages: 0 };
      this.all.push(tally);
    }
    return tally;
  }
}
