export {
  ApacheKafka,
  type ApacheKafkaOptions,
  apacheKafkaJars,
  runKafkaTool,
  startKafkaTool,
} from './apache-kafka.ts';
export { Child, type ChildOptions, type Exit, type Finished, runProgram } from './child.ts';
export { eventually } from './eventually.ts';
export { freePort, freePorts, portIsBound } from './free-port.ts';
export { type MillraceOptions, MillraceProcess } from './millrace-process.ts';
export { MissingTool } from './missing-tool.ts';
export { ModelLog, type ModelRecord } from './model-log.ts';
export { type TempFolder, tempFolder } from './temp-folder.ts';
