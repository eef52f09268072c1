//! Figures about the connection.

use super::Session;

/// Figures about the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Messages received.
    pub received: u64,
    /// Bytes of the messages received.
    pub received_bytes: u64,
    /// Lines that were no message of the protocol.
    pub malformed: u64,
    /// Messages beyond the size allowed.
    pub oversized: u64,
    /// Messages sent.
    pub sent: u64,
    /// Bytes of the messages sent.
    pub sent_bytes: u64,
    /// Turns begun by this client.
    pub turns: u64,
    /// Tokens that turns of this client used.
    pub tokens: u64,
    /// Events that were queued for the host.
    pub events: u64,
    /// Deltas that went into the event before them.
    pub merged: u64,
    /// Requests of the runtime.
    pub requests: u64,
    /// The most that all queues held together, in bytes.
    pub peak_queued_bytes: usize,
    /// The most that the queue of one turn handle held, in bytes.
    pub peak_turn_queue_bytes: usize,
    /// The most that the client queue held, in bytes.
    pub peak_client_queue_bytes: usize,
}

impl Session {
    /// Figures about the connection as JSON.
    pub fn stats_json(&self) -> String {
        let stats = &self.stats;
        let figures: [(&str, u64); 21] = [
            ("receivedMessages", stats.received),
            ("receivedBytes", stats.received_bytes),
            ("malformedLines", stats.malformed),
            ("oversizedMessages", stats.oversized),
            ("sentMessages", stats.sent),
            ("sentBytes", stats.sent_bytes),
            ("turnsBegun", stats.turns),
            ("turnsOpen", self.slots.len() as u64),
            ("tokensUsed", stats.tokens),
            ("requestsReceived", stats.requests),
            ("requestsOpen", self.questions.len() as u64),
            ("callsOutstanding", self.peer.outstanding() as u64),
            ("callsRetried", self.peer.retries()),
            ("eventsQueued", stats.events),
            ("eventsDropped", self.client.dropped),
            ("deltasMerged", stats.merged),
            ("queuedBytes", self.queued_bytes as u64),
            ("peakQueuedBytes", stats.peak_queued_bytes as u64),
            ("peakTurnQueueBytes", stats.peak_turn_queue_bytes as u64),
            ("peakClientQueueBytes", stats.peak_client_queue_bytes as u64),
            ("logMessagesDropped", self.log.dropped()),
        ];
        let members: Vec<String> = figures.iter().map(|(name, figure)| format!("\"{name}\":{figure}")).collect();
        format!("{{{}}}", members.join(","))
    }
}
