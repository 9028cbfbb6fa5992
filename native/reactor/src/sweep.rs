//! Deadlines: once in a while every connection is looked at. Ten thousand of them take some tens of
//! microseconds, which is cheaper than moving a timer at each frame.

use crate::options::CloseReason;
use crate::reactor::Reactor;

impl Reactor {
    pub(crate) fn sweep(&mut self) {
        self.resume_accepting();
        for slot in 0..self.slots.capacity() {
            let Some(connection) = self.slots.at(slot) else {
                continue;
            };
            let id = connection.id;
            let since = |at_ms: u64| self.now_ms.saturating_sub(at_ms);
            let options = &self.options;
            let is_sending = !connection.queue.is_empty();
            let reason = if connection.is_mid_frame()
                && !connection.is_paused()
                && since(connection.frame_started_at_ms) > options.frame_deadline_ms
            {
                CloseReason::FrameDeadline
            } else if is_sending && since(connection.send_progress_at_ms) > options.send_deadline_ms
            {
                CloseReason::SendDeadline
            } else if !is_sending && since(connection.active_at_ms) > options.idle_ms {
                CloseReason::Idle
            } else {
                continue;
            };
            self.close_with(id, reason);
        }
    }
}
