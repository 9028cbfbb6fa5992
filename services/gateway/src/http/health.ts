/** Where a gateway process is in its life. */
export type LifeStage = 'starting' | 'ready' | 'draining';

export interface HealthAnswer {
  readonly isGood: boolean;
  readonly status: LifeStage;
}

/** Whether the process turns, and whether it should be sent clients. */
export class Health {
  stage: LifeStage = 'starting';

  /** Whoever reads this has been answered, so the process turns. */
  live(): HealthAnswer {
    return { isGood: true, status: this.stage };
  }

  ready(): HealthAnswer {
    return { isGood: this.stage === 'ready', status: this.stage };
  }
}
