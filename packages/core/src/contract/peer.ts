/** Another participant, as the control plane knows it. One object per link session: compare by identity. */
export interface PeerInfo {
  /** 64 random bits, new at every start, as 16 hexadecimal digits. */
  readonly id: string;
  /** A label; owned by its bearer only if it was claimed with `exclusive`. */
  readonly name: string;
  readonly pid: number;
  /** Numeric user id; undefined where neither the kernel nor the owner-only directory vouches for it. */
  readonly uid: number | undefined;
  /** True when the kernel confirmed pid and uid (SO_PEERCRED) for the live control connection. */
  readonly verified: boolean;
}
