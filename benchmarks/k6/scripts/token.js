// Tokens that expire; 95 of 100 sockets refresh theirs in place and never lose a stream, the others are closed 4005.
import http from 'k6/http';
import { Rate } from 'k6/metrics';
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { badCloses, thresholds } from '../lib/metrics.js';

/** A token of this life; a socket refreshes after half of it. */
const TOKEN_URL = __ENV.TOKEN_URL;
const LIFE_SECONDS = Number(__ENV.TOKEN_LIFE_SECONDS);
/** In which half a life is divided. */
const TURNS = 50;
const TOKEN_EXPIRED = 4005;
const refused = new Rate('gw_refuser_closed');
const refreshed = new Rate('gw_refreshed');

export const options = {
  scenarios: { token: users(scaled(2000), 'token') },
  thresholds: thresholds({
    gw_bad_close: ['count==0'],
    gw_refuser_closed: ['rate==1'],
    gw_refreshed: ['rate==1'],
  }),
};

export function token() {
  const count = mySockets();
  const newToken = () => http.get(TOKEN_URL).body;
  let current = newToken();
  const isRefuser = (index) => index % 20 === 19;
  const closed = new Set();
  const clients = subscribers(count, SECONDS, (index) => ({
    ...{ url: URLS[0], topic: TOPIC, token: current, decode: isSampled(index) },
    onFrame: (frame) => {
      if (frame.kind === 'authOk') refreshed.add(true);
      if (frame.kind === 'unsubscribed' || frame.kind === 'error') refreshed.add(isRefuser(index));
    },
    onClose: (code) => {
      if (isRefuser(index) && code === TOKEN_EXPIRED) closed.add(index);
      else badCloses.add(1);
    },
  }));
  // Sockets refresh one after another, as those of many people do. Turns are told by the clock, not counted: k6 calls an
  // interval again so long after its last call has ended, so a busy user would fall behind, turn by turn.
  const turnMs = (LIFE_SECONDS * 500) / TURNS;
  const startedAt = Date.now();
  let turn = 0;
  const refreshing = setInterval(() => {
    current = newToken();
    const due = Math.floor((Date.now() - startedAt) / turnMs);
    clients.forEach((client, index) => {
      if (!isRefuser(index) && isTurn(index, turn, due))
        client.send({ kind: 'auth', req: 2, token: current });
    });
    turn = due;
  }, turnMs);
  setTimeout(
    () => {
      clearInterval(refreshing);
      for (let index = 0; index < count; index++)
        if (isRefuser(index)) refused.add(closed.has(index));
    },
    SECONDS * 1000 - 100,
  );
}

/** Whether the turn of this socket is among those after `done` up to `due`. */
function isTurn(index, done, due) {
  return Math.floor((due - index) / TURNS) > Math.floor((done - index) / TURNS);
}
