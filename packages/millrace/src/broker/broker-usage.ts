/** What `millrace broker --help` prints. */
export const BROKER_USAGE = `Usage: millrace broker [server.properties] [--override key=value]…

Starts one broker. Names and defaults of configs are Kafka's.

  --override key=value   sets one config over the file; may be repeated, the last one wins
  --help                 prints this

Examples:
  millrace broker --override log.dirs=./data
  millrace broker server.properties --override listeners=PLAINTEXT://127.0.0.1:9192
`;
