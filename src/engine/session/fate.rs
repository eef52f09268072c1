//! What became of a request: whoever answers too late is told.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::questions::Unanswered;
use crate::engine::error::{Error, Status};

/// Why a request takes no answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The host has answered it.
    Answered,
    /// Somebody else has.
    Resolved,
    /// Its turn, or the connection, ended.
    TurnEnded,
    /// The library has declined it in the place of the host.
    Declined(Unanswered),
}

impl Fate {
    pub(super) fn refusal(self) -> Error {
        let (reason, message) = match self {
            Self::Answered => {
                ("alreadyAnswered", "the request was answered before; the first answer counts".to_owned())
            }
            Self::Resolved => (
                "answeredElsewhere",
                "the request is resolved already: it was answered by somebody else, or its turn is ending".to_owned(),
            ),
            Self::TurnEnded => ("turnEnded", "the request needs no answer any more: its turn has ended".to_owned()),
            Self::Declined(why @ Unanswered::Late(_)) => ("answerTimeout", declined(why)),
            Self::Declined(why) => ("requestDeclined", declined(why)),
        };
        Error::new(Status::AlreadyAnswered, message).with_reason(reason)
    }
}

fn declined(why: Unanswered) -> String {
    format!("the request was declined already, because {why}")
}

/// What is known of the fate of a request, shared by the session with whoever holds the request. The first fate counts.
#[derive(Clone, Debug, Default)]
pub struct FateCell(Arc<OnceCell<Fate>>);

impl FateCell {
    pub(super) fn set(&self, fate: Fate) {
        self.0.get_or_init(|| fate);
    }

    /// Whether it needs no answer any more, for another reason than that the host gave one.
    pub fn is_cancelled(&self) -> bool {
        self.0.get().is_some_and(|fate| *fate != Fate::Answered)
    }

    /// What an answer is told that comes now; `None` while it may come.
    pub fn refusal(&self) -> Option<Error> {
        self.0.get().map(|fate| fate.refusal())
    }
}
