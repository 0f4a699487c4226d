import { fc } from '../../lib/dev/fast-check.ts';

/** The part of JSON Schema that the document has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** Made once: the table of all graphemes takes a tenth of a second. */
const graphemes = fc.string({ unit: 'grapheme', maxLength: 20 });
const someGraphemes = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });

/** Values that a schema allows. Lengths stay far below its limits: limits have cases of their own. */
export function valueOf(schema: Schema, resolve: (ref: string) => Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valueOf(resolve(schema.$ref), resolve);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valueOf(one, resolve)));
  switch (schema.type) {
    case 'string':
      return textOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'integer':
      return fc.integer({ min: Math.max(schema.minimum ?? -1_000, -2_147_483_648), max: Math.min(schema.maximum ?? 1_000, 2_147_483_647) });
    case 'array':
      return fc.array(valueOf(schema.items ?? {}, resolve), { maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case 'object':
      return objectOf(schema, resolve);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

function textOf(schema: Schema): fc.Arbitrary<string> {
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern), { size: '-1' });
  if (schema.examples !== undefined) return fc.constantFrom(...schema.examples.map(String));
  switch (schema.format) {
    case 'date-time':
      return fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
    case 'uri':
      return fc.webUrl({ size: '-1' });
    case 'uri-reference':
      return fc.oneof(
        fc.webUrl({ size: '-1' }),
        fc.webPath().map((path) => path || '/'),
      );
    default:
      return (schema.minLength ?? 0) > 0 ? someGraphemes : graphemes;
  }
}

function objectOf(schema: Schema, resolve: (ref: string) => Schema): fc.Arbitrary<unknown> {
  const properties = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, valueOf(one, resolve)]));
  const known = fc.record(properties, { requiredKeys: [...(schema.required ?? [])] });
  if (typeof schema.additionalProperties !== 'object') return known;
  const more = fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,10}$/), valueOf(schema.additionalProperties, resolve), {
    maxKeys: 2,
    noNullPrototype: true,
  });
  return fc.tuple(known, more).map(([one, other]) => ({ ...other, ...one }));
}
