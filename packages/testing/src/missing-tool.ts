/** A program that a test wants and this machine does not have; `message` says which and how it was looked for. */
export class MissingTool extends Error {
  readonly tool: string;

  constructor(tool: string, why: string) {
    super(`${tool}: ${why}`);
    this.name = 'MissingTool';
    this.tool = tool;
  }
}
