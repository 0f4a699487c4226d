import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import type { RawAnswer } from './raw-client.ts';
import type { Document, FuzzRequest } from './request-arbitrary.ts';

/** Says whether an answer is one that the document knows. */
export type AnswerCheck = (request: FuzzRequest, answer: RawAnswer) => void;

/** What no operation has a say in: other addresses, other methods, what is no request. */
const ELSEWHERE = ['400', '404', '405', '408', '413', '417', '431'];

/** Makes the check. It throws where an answer is not documented: its status, its content type, its body. */
export function createAnswerCheck(document: Document): AnswerCheck {
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true, 'uri-reference': true, uri: true, byte: true } });
  ajv.addSchema({ $id: 'document', ...document });
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = (pointer: string): ValidateFunction => {
    let found = validators.get(pointer);
    if (found === undefined) validators.set(pointer, (found = ajv.compile({ $ref: `document#${pointer}` })));
    return found;
  };
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const anywhere = new Set([...ELSEWHERE, ...operations.flatMap(({ responses }) => Object.keys(responses))]);
  const problem = '/components/schemas/Problem';

  return (request, answer) => {
    const status = String(answer.status);
    const contentType = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    assert.ok(answer.status < 500, `status ${status}: ${answer.body}`);
    const operation = document.paths[request.path]?.[request.method.toLowerCase()];
    const isAsked = operation !== undefined && request.spoilt === undefined && isAddressOf(request);
    const response = isAsked ? operation.responses[status] : undefined;
    // What was spoilt, or asks for something else, may have become any request.
    assert.ok(isAsked ? response !== undefined : anywhere.has(status), `${request.path} has no status ${status}: ${answer.body}`);
    if (request.method === 'HEAD' || request.method === 'TRACE') return;
    if (answer.status >= 400) {
      assert.equal(contentType, 'application/problem+json', answer.body);
      const body = JSON.parse(answer.body) as { status: number };
      const isProblem = validatorOf(problem);
      assert.ok(isProblem(body), `${answer.body}: ${ajv.errorsText(isProblem.errors)}`);
      assert.equal(body.status, answer.status);
      if (answer.status === 405) assert.match(answer.headers.get('allow') ?? '', /^(GET|POST)$/);
      return;
    }
    if (response?.content === undefined || answer.body === '') return;
    assert.ok(Object.hasOwn(response.content, contentType), `${request.path} ${status} has no content type ${contentType}`);
    if (contentType !== 'application/json') return;
    const pointer = ['', 'paths', request.path, request.method.toLowerCase(), 'responses', status, 'content', contentType, 'schema'];
    const isDocumented = validatorOf(pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/'));
    assert.ok(isDocumented(JSON.parse(answer.body)), `${answer.body}: ${ajv.errorsText(isDocumented.errors)}`);
  };
}

/** Whether the address is one of the operation's, and nothing was put before or behind it. */
function isAddressOf({ path, address }: FuzzRequest): boolean {
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[a-z0-9_-]{1,64}')}(\\?|$)`);
  return pattern.test(address);
}
