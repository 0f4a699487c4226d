/** The tool: everything that a person or a script asks of VisAPI from a shell. */
import { runTool } from './tool.ts';

process.exitCode = await runTool(process.argv.slice(2));
