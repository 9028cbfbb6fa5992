import { api, field } from './language.ts';

export const saslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: '0-2',
  flexibleFrom: 2,
  about: 'Exchange SASL tokens.',
  request: [field('authBytes', 'bytes', '0+', 'SASL token.')],
  response: [
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('errorMessage', 'string?', '0+', 'What went wrong, in words; null when nothing did.'),
    field('authBytes', 'bytes', '0+', 'SASL token.'),
    field(
      'sessionLifetimeMs',
      'int64',
      '1+',
      'Time after which the client must authenticate again, in ms; 0 for never.',
      { default: 0, ignorable: true },
    ),
  ],
});
