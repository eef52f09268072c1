//! The runtime's methods: those that the library calls by itself, and of those that the runtime tells, what kind of event each is
//! and where its text lies.

use super::event::EventKind;

pub(super) const ACCOUNT_LOGIN_CANCEL: &str = "account/login/cancel";
pub(super) const ACCOUNT_LOGIN_START: &str = "account/login/start";
pub(super) const ACCOUNT_LOGOUT: &str = "account/logout";
pub(super) const ACCOUNT_READ: &str = "account/read";
pub(super) const CONFIG_READ: &str = "config/read";
pub(super) const INITIALIZE: &str = "initialize";
pub(super) const INITIALIZED: &str = "initialized";
pub(super) const MODEL_LIST: &str = "model/list";
pub(super) const REVIEW_START: &str = "review/start";
pub(super) const THREAD_ARCHIVE: &str = "thread/archive";
pub(super) const THREAD_BACKGROUND_TERMINALS_TERMINATE: &str = "thread/backgroundTerminals/terminate";
pub(super) const THREAD_COMPACT_START: &str = "thread/compact/start";
pub(super) const THREAD_DELETE: &str = "thread/delete";
pub(super) const THREAD_FORK: &str = "thread/fork";
pub(super) const THREAD_GOAL_CLEAR: &str = "thread/goal/clear";
pub(super) const THREAD_GOAL_SET: &str = "thread/goal/set";
pub(super) const THREAD_ITEMS_LIST: &str = "thread/items/list";
pub(super) const THREAD_LIST: &str = "thread/list";
pub(super) const THREAD_NAME_SET: &str = "thread/name/set";
pub(super) const THREAD_READ: &str = "thread/read";
pub(super) const THREAD_RESUME: &str = "thread/resume";
pub(super) const THREAD_START: &str = "thread/start";
pub(super) const THREAD_TURNS_LIST: &str = "thread/turns/list";
pub(super) const THREAD_UNARCHIVE: &str = "thread/unarchive";
pub(super) const THREAD_UNSUBSCRIBE: &str = "thread/unsubscribe";
pub(super) const TURN_INTERRUPT: &str = "turn/interrupt";
pub(super) const TURN_START: &str = "turn/start";
pub(super) const TURN_STEER: &str = "turn/steer";

/// Where the text of an event lies in its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextAt {
    /// It has none.
    #[default]
    Nowhere,
    /// In this member.
    Member(&'static str),
    /// In the member `text` of the item.
    Item,
    /// In the member `message` of the error.
    Error,
}

/// What is known about a method of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The kind of its events.
    pub kind: EventKind,
    /// Where their text lies.
    pub text: TextAt,
}

impl Method {
    /// What is known about `name`; an unknown method is an event of kind `Other`.
    pub fn of(name: &str) -> Self {
        use EventKind as Kind;
        let (kind, text) = match name {
            "item/agentMessage/delta" => (Kind::MessageDelta, TextAt::Member("delta")),
            "item/reasoning/textDelta" | "item/reasoning/summaryTextDelta" => {
                (Kind::ReasoningDelta, TextAt::Member("delta"))
            }
            "item/commandExecution/outputDelta" | "item/fileChange/outputDelta" => {
                (Kind::OutputDelta, TextAt::Member("delta"))
            }
            "item/plan/delta" => (Kind::Other, TextAt::Member("delta")),
            "item/started" => (Kind::ItemStarted, TextAt::Item),
            "item/completed" => (Kind::ItemCompleted, TextAt::Item),
            "turn/started" => (Kind::TurnStarted, TextAt::Nowhere),
            "turn/completed" => (Kind::TurnCompleted, TextAt::Nowhere),
            "turn/plan/updated" => (Kind::PlanUpdated, TextAt::Member("explanation")),
            "turn/diff/updated" => (Kind::DiffUpdated, TextAt::Member("diff")),
            "thread/tokenUsage/updated" => (Kind::Usage, TextAt::Nowhere),
            "serverRequest/resolved" => (Kind::RequestResolved, TextAt::Nowhere),
            "error" => (Kind::Error, TextAt::Error),
            "warning" | "guardianWarning" => (Kind::Warning, TextAt::Member("message")),
            "configWarning" | "deprecationNotice" => (Kind::Warning, TextAt::Member("summary")),
            _ => (Kind::Other, TextAt::Nowhere),
        };
        Self { kind, text }
    }
}
