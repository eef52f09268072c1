//! The one table of the runtime's methods: what kind of event each is, and where its text lies.

use super::event::EventKind;

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
