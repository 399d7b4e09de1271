/** What a service needs before it can do any work. */
export interface Ground {
  /** Calls `use` as soon as it is there; once, also when it is there already. */
  whenReady(use: () => void): void;
}
