/** Where a config's value comes from, numbered as DescribeConfigs answers it. */
export const ConfigSource = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
} as const;

export type ConfigSource = (typeof ConfigSource)[keyof typeof ConfigSource];
