import { z } from 'zod';
import { Definition } from '../../lib/workflow/definition.ts';

/** The form of a workflow document for editors. Templates, conditions and the names of steps are checked by `visapi workflows validate`. */
export function workflowSchema(): string {
  const schema = z.toJSONSchema(Definition, { target: 'draft-2020-12' });
  const head = { $schema: schema.$schema, title: 'A workflow of VisAPI', description: 'What happens when an event comes.' };
  return `${JSON.stringify({ ...head, ...schema }, null, 2)}\n`;
}
