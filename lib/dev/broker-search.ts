/** What a place that may have the broker's binary is given. */
export interface BinarySearch {
  /** Where downloads end up. */
  readonly cache: string;
  /** Told what is being tried, before anything that takes long. */
  readonly say: (line: string) => void;
}
