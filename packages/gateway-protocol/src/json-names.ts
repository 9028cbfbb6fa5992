import {
  Acks,
  Codec,
  enumNames,
  GapReason,
  Isolation,
  OnLoss,
  OnUnknown,
  Outcome,
  Policy,
  Scope,
  StartKind,
} from './enums.ts';

const ENUMS = {
  codec: Codec,
  codecs: Codec,
  start: StartKind,
  onGap: OnLoss,
  onDiverged: OnLoss,
  onRecreated: OnLoss,
  isolation: Isolation,
  policy: Policy,
  outcome: Outcome,
  acks: Acks,
  onUnknown: OnUnknown,
  reason: GapReason,
  scope: Scope,
};

const names = new Map(Object.entries(ENUMS).map(([field, values]) => [field, enumNames(values)]));

/** How JSON writes the values of a field; undefined for one that is no enum. A field's name tells in every frame alike. */
export function jsonNames(field: string): readonly string[] | undefined {
  return names.get(field);
}
