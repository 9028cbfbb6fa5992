import { api, field } from './language.ts';

export const saslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: '0-1',
  flexibleFrom: 'never',
  about: 'Choose a SASL mechanism.',
  request: [field('mechanism', 'string', '0+', 'SASL mechanism that the client wants.')],
  response: [
    field('errorCode', 'int16', '0+', 'Error code; 0 is success.'),
    field('mechanisms', 'string[]', '0+', 'SASL mechanisms that the broker has.'),
  ],
});
