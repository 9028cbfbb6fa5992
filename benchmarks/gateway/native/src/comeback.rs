//! How long it took clients to come back after connections were lost.

use crate::meter::Report;
use std::time::Instant;

#[derive(Default)]
pub struct Comeback {
    lost_at: Option<Instant>,
    subscribed_at: Option<Instant>,
    caught_up_at: Option<Instant>,
}

impl Comeback {
    pub fn lost(&mut self) {
        self.lost_at.get_or_insert_with(Instant::now);
    }

    pub fn subscribed(&mut self) {
        self.subscribed_at = Some(Instant::now());
    }

    pub fn caught_up(&mut self) {
        self.caught_up_at = Some(Instant::now());
    }

    pub fn has_lost(&self) -> bool {
        self.lost_at.is_some()
    }

    pub fn fill(&self, report: &mut Report) {
        let since_loss = |moment: Option<Instant>| {
            let span = self.lost_at.zip(moment).map(|(lost, back)| back - lost);
            span.map_or(0.0, |span| span.as_secs_f64() * 1e3)
        };
        report.subscribed_again_ms = since_loss(self.subscribed_at);
        report.caught_up_again_ms = since_loss(self.caught_up_at);
    }
}
