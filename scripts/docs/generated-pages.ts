import { configurationPage } from './configuration-page.ts';
import { databaseRightsPage } from './database-rights-page.ts';
import { errorsPage } from './errors-page.ts';
import { workflowSchema } from './workflow-schema.ts';
import { presetsPage } from './presets-page.ts';

/** Path and text of every page that is written from the code. */
export function generatedPages(): (readonly [path: string, text: string])[] {
  return [
    ['docs/configuration.md', configurationPage()],
    ['docs/database-rights.md', databaseRightsPage()],
    ['docs/errors.md', errorsPage()],
    ['docs/workflow.schema.json', workflowSchema()],
    ['docs/presets.md', presetsPage()],
  ];
}
