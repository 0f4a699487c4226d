import { pathText } from './mistake.ts';

/** Deeper than that nobody reads a decision any more. */
export const MAX_DEPTH = 5;

/** The steps that a branch takes when its condition holds, and those of its `else`. */
export interface Arm<Fields> {
  /** `0`, `1`, ... in their order, or `else`. */
  readonly name: string;
  readonly place: readonly PropertyKey[];
  readonly steps: readonly (readonly [index: number, fields: Fields])[];
}

/** One step on the way through a document, those inside branches right behind their branch. */
export interface WalkedStep<Fields> {
  readonly fields: Fields;
  readonly place: readonly PropertyKey[];
  /** `steps[1].branches[0].steps[2]` */
  readonly at: string;
  /** `route.0.inner`: its id behind those of the branches that it is in. */
  readonly path: string;
  /** The nearest branch that it is in, and which of its arms. */
  readonly within: { readonly branch: string; readonly arm: string } | undefined;
  /** 0: in no branch. */
  readonly depth: number;
  /** Ids of the steps that have certainly ended before it begins. */
  readonly earlier: readonly string[];
}

/** `armsOf` says what is inside a step; `idOf` may give any text where the id is wrong. */
export function walkSteps<Fields>(
  steps: Arm<Fields>['steps'],
  idOf: (fields: Fields) => string,
  armsOf: (fields: Fields) => readonly Arm<Fields>[],
): WalkedStep<Fields>[] {
  const walked: WalkedStep<Fields>[] = [];
  const walk = (list: Arm<Fields>['steps'], from: Pick<WalkedStep<Fields>, 'place' | 'path' | 'within' | 'depth' | 'earlier'>): void => {
    const earlier = [...from.earlier];
    for (const [index, fields] of list) {
      const id = idOf(fields);
      const place = [...from.place, index];
      const path = from.path === '' ? id : `${from.path}.${id}`;
      walked.push({ ...from, fields, place, at: pathText(place), path, earlier: [...earlier] });
      // A step may have an id that cannot be one; its neighbours are not to blame.
      if (from.depth < MAX_DEPTH)
        for (const arm of armsOf(fields))
          walk(arm.steps, {
            place: [...place, ...arm.place],
            path: `${path}.${arm.name}`,
            within: { branch: path, arm: arm.name },
            depth: from.depth + 1,
            earlier: [...earlier, id],
          });
      earlier.push(id);
    }
  };
  walk(steps, { place: ['steps'], path: '', within: undefined, depth: 0, earlier: [] });
  return walked;
}
