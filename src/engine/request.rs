//! A question of the runtime: an approval, a form, a tool call; and the exact words of each answer.

use std::fmt;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::connection::Connection;
use super::error::{Error, Result};
use super::json::{Shown, Tree, member, quote, string};
use super::session::{CancelHook, QuestionId, Snapshot};
use super::text::ZString;

/// What is asked. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum RequestKind {
    /// Anything that has no kind of its own.
    Other = 0,
    /// May this command run?
    Command = 1,
    /// May these files be changed?
    FileChange = 2,
    /// May these permissions be granted?
    Permissions = 3,
    /// May this tool of an MCP server be called?
    McpTool = 4,
    /// Questions to the user.
    Question = 5,
    /// A form of an MCP server.
    Elicitation = 6,
    /// A tool of the host is called.
    ToolCall = 7,
    /// A fresh access token is needed.
    AuthRefresh = 8,
}

impl RequestKind {
    /// The kind of a method. The approval of an MCP tool comes as an elicitation and is told by its parameters.
    pub fn of(method: &str, params: &str) -> Self {
        match method {
            "item/commandExecution/requestApproval" | LEGACY_COMMAND => Self::Command,
            "item/fileChange/requestApproval" | LEGACY_FILE_CHANGE => Self::FileChange,
            "item/permissions/requestApproval" => Self::Permissions,
            "item/tool/requestUserInput" => Self::Question,
            "mcpServer/elicitation/request" if is_mcp_tool_approval(params) => Self::McpTool,
            "mcpServer/elicitation/request" => Self::Elicitation,
            "item/tool/call" => Self::ToolCall,
            "account/chatgptAuthTokens/refresh" => Self::AuthRefresh,
            _ => Self::Other,
        }
    }

    /// Whether the runtime sends `serverRequest/resolved` after the answer to a request of this kind and method.
    pub fn is_confirmed_by_runtime(self, method: &str) -> bool {
        !matches!(self, Self::ToolCall | Self::AuthRefresh | Self::Other) && !is_legacy(method)
    }
}

/// The approvals of the first protocol, which have words of their own.
const LEGACY_COMMAND: &str = "execCommandApproval";
const LEGACY_FILE_CHANGE: &str = "applyPatchApproval";

fn is_legacy(method: &str) -> bool {
    [LEGACY_COMMAND, LEGACY_FILE_CHANGE].contains(&method)
}

/// What time it is: the library answers by itself.
pub const CURRENT_TIME: &str = "currentTime/read";

/// The answer to [`CURRENT_TIME`].
pub fn current_time(unix_seconds: u64) -> String {
    format!("{{\"currentTimeAt\":{unix_seconds}}}")
}

fn is_mcp_tool_approval(params: &str) -> bool {
    let kind = member(params, "_meta").and_then(|meta| member(meta, "codex_approval_kind"));
    kind == Some("\"mcp_tool_call\"")
}

/// How long an approval counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For this once.
    Once,
    /// Until the session ends.
    Session,
}

/// Whether a tool did what it was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolOutcome {
    /// It did.
    Success,
    /// It did not; the text says why.
    Failure,
}

/// What the host answers.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approve(Scope),
    /// No; the turn goes on.
    Decline,
    /// No, and the turn is to end.
    CancelTurn,
    /// What a tool has to say.
    Text(ToolOutcome, String),
    /// What a tool has to say and to show: params with input items.
    Items(ToolOutcome, String),
    /// The result in the runtime's own form, on one line.
    Result(String),
    /// A JSON-RPC error.
    Error(i64, String),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approve(scope) => f.debug_tuple("Approve").field(scope).finish(),
            Self::Decline => f.write_str("Decline"),
            Self::CancelTurn => f.write_str("CancelTurn"),
            Self::Text(outcome, text) => f.debug_tuple("Text").field(outcome).field(&Shown(text)).finish(),
            Self::Items(outcome, params) => f.debug_tuple("Items").field(outcome).field(&Shown(params)).finish(),
            Self::Result(json) => f.debug_tuple("Result").field(&Shown(json)).finish(),
            Self::Error(code, message) => f.debug_tuple("Error").field(code).field(&Shown(message)).finish(),
        }
    }
}

/// What is sent to the runtime.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// The `result`.
    Result(String),
    /// The `error`: its code and message.
    Error(i64, String),
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(json) => f.debug_tuple("Result").field(&Shown(json)).finish(),
            Self::Error(code, message) => f.debug_tuple("Error").field(code).field(&Shown(message)).finish(),
        }
    }
}

/// JSON-RPC: the method is not available here.
const NOT_AVAILABLE: i64 = -32601;

/// The exact words of an answer to a request of this kind.
pub fn reply_to(kind: RequestKind, method: &str, params: &str, answer: &Answer) -> Result<Reply> {
    match answer {
        Answer::Approve(scope) => approval(kind, method, params, *scope),
        Answer::Decline => Ok(refusal(kind, method)),
        Answer::CancelTurn => Ok(cancellation(kind, method)),
        Answer::Text(outcome, text) if kind == RequestKind::ToolCall => Ok(Reply::Result(tool_text(*outcome, text))),
        Answer::Items(outcome, params) if kind == RequestKind::ToolCall => {
            content_items(params).map(|items| Reply::Result(tool_answer(*outcome, &items)))
        }
        Answer::Text(..) => Err(does_not_fit("a text", method, "only a tool call is answered with a text")),
        Answer::Items(..) => Err(does_not_fit("a list of items", method, "only a tool call is answered with items")),
        Answer::Result(json) => Ok(Reply::Result(json.clone())),
        Answer::Error(code, message) => Ok(Reply::Error(*code, message.clone())),
    }
}

fn approval(kind: RequestKind, method: &str, params: &str, scope: Scope) -> Result<Reply> {
    let result = match (kind, scope) {
        _ if is_legacy(method) => legacy(match scope {
            Scope::Once => "\"approved\"",
            Scope::Session => "\"approved_for_session\"",
        }),
        (RequestKind::Command | RequestKind::FileChange, Scope::Once) => r#"{"decision":"accept"}"#.to_owned(),
        (RequestKind::Command | RequestKind::FileChange, Scope::Session) => {
            r#"{"decision":"acceptForSession"}"#.to_owned()
        }
        (RequestKind::Permissions, scope) => granted(params, scope),
        (RequestKind::McpTool, Scope::Once) => r#"{"action":"accept","content":{}}"#.to_owned(),
        (RequestKind::McpTool, Scope::Session) => {
            r#"{"action":"accept","content":{},"_meta":{"persist":"session"}}"#.to_owned()
        }
        _ => return Err(does_not_fit("an approval", method, "answer it with respond_json, or decline it")),
    };
    Ok(Reply::Result(result))
}

fn legacy(decision: &str) -> String {
    format!("{{\"decision\":{decision}}}")
}

/// Exactly what was asked for, and no more.
fn granted(params: &str, scope: Scope) -> String {
    let permissions = member(params, "permissions").unwrap_or("{}");
    let scope = match scope {
        Scope::Once => "turn",
        Scope::Session => "session",
    };
    format!("{{\"permissions\":{permissions},\"scope\":\"{scope}\"}}")
}

fn refusal(kind: RequestKind, method: &str) -> Reply {
    let result = match kind {
        _ if is_legacy(method) => legacy(r#"{"denied":{"rejection":"rejected by user"}}"#),
        RequestKind::Command | RequestKind::FileChange => r#"{"decision":"decline"}"#.to_owned(),
        RequestKind::Permissions => r#"{"permissions":{},"scope":"turn"}"#.to_owned(),
        RequestKind::McpTool | RequestKind::Elicitation => r#"{"action":"decline"}"#.to_owned(),
        RequestKind::Question => r#"{"answers":{}}"#.to_owned(),
        RequestKind::ToolCall => tool_text(ToolOutcome::Failure, "The application declined to run this tool."),
        RequestKind::AuthRefresh | RequestKind::Other => {
            return Reply::Error(NOT_AVAILABLE, format!("the application does not answer {method}"));
        }
    };
    Reply::Result(result)
}

fn cancellation(kind: RequestKind, method: &str) -> Reply {
    match kind {
        _ if is_legacy(method) => Reply::Result(legacy("\"abort\"")),
        RequestKind::Command | RequestKind::FileChange => Reply::Result(r#"{"decision":"cancel"}"#.to_owned()),
        RequestKind::McpTool | RequestKind::Elicitation => Reply::Result(r#"{"action":"cancel"}"#.to_owned()),
        _ => refusal(kind, method),
    }
}

fn tool_text(outcome: ToolOutcome, text: &str) -> String {
    tool_answer(outcome, &format!("[{}]", text_item(&quote(text))))
}

fn tool_answer(outcome: ToolOutcome, items: &str) -> String {
    let success = outcome == ToolOutcome::Success;
    format!("{{\"contentItems\":{items},\"success\":{success}}}")
}

fn text_item(text: &str) -> String {
    format!("{{\"type\":\"inputText\",\"text\":{text}}}")
}

/// The input items of params as what a tool answers with.
fn content_items(params: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, default)]
        input: Vec<&'a RawValue>,
    }
    let params: Params<'_> = serde_json::from_str(params)
        .map_err(|error| Error::invalid_argument(format!("params must hold an array \"input\" of items: {error}")))?;
    if params.input.is_empty() {
        return Err(Error::invalid_argument("the answer has no items: add a text or an image to the params"));
    }
    let items: Result<Vec<String>> = params.input.iter().map(|item| content_item(item.get())).collect();
    Ok(format!("[{}]", items?.join(",")))
}

fn content_item(item: &str) -> Result<String> {
    let kind = member(item, "type").and_then(string).unwrap_or_default();
    match (&*kind, member(item, "text"), member(item, "url")) {
        ("text", Some(text), _) => Ok(text_item(text)),
        ("image", _, Some(url)) => Ok(format!("{{\"type\":\"inputImage\",\"imageUrl\":{url}}}")),
        _ => Err(Error::invalid_argument(format!(
            "a tool answers with texts and images by URL or bytes, not with {item}"
        ))),
    }
}

fn does_not_fit(answer: &str, method: &str, advice: &str) -> Error {
    Error::invalid_argument(format!("{answer} does not fit {method}: {advice}"))
}

/// A question that waits for an answer. Unanswered, it is declined when it is dropped.
pub struct Request {
    connection: Arc<Connection>,
    snapshot: Snapshot,
    method: ZString,
    params: ZString,
    thread_id: ZString,
    turn_id: ZString,
    value: OnceCell<Option<Tree>>,
    item: OnceCell<Option<Tree>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Request").field(&self.snapshot).finish()
    }
}

impl Request {
    /// The host's end of a question.
    pub fn new(connection: Arc<Connection>, snapshot: Snapshot) -> Self {
        Self {
            connection,
            method: ZString::new(&snapshot.method),
            params: ZString::new(&snapshot.params),
            thread_id: ZString::new(&snapshot.thread_id),
            turn_id: ZString::new(&snapshot.turn_id),
            value: OnceCell::new(),
            item: OnceCell::new(),
            snapshot,
        }
    }

    /// What is asked.
    pub fn kind(&self) -> RequestKind {
        self.snapshot.kind
    }

    /// Its id, the same in its events.
    pub fn id(&self) -> QuestionId {
        self.snapshot.id
    }

    /// The connection over which it came.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The method of the runtime.
    pub fn method(&self) -> &ZString {
        &self.method
    }

    /// The parameters, byte for byte.
    pub fn params(&self) -> &ZString {
        &self.params
    }

    /// The parameters as a tree, built when first asked for.
    pub fn value(&self) -> Option<&Tree> {
        self.value.get_or_init(|| Tree::parse(self.params.as_str()).ok()).as_ref()
    }

    /// The item that it is about, with the diff of a file change.
    pub fn item(&self) -> Option<&Tree> {
        let parse = || self.snapshot.item.as_deref().and_then(|item| Tree::parse(item).ok());
        self.item.get_or_init(parse).as_ref()
    }

    /// The thread that it is about.
    pub fn thread_id(&self) -> &ZString {
        &self.thread_id
    }

    /// The turn that it is about.
    pub fn turn_id(&self) -> &ZString {
        &self.turn_id
    }

    /// The pointer of its turn.
    pub fn user_data(&self) -> usize {
        self.snapshot.user_data
    }

    /// Whether it needs no answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.snapshot.fate.is_cancelled()
    }

    /// Answers it; never blocks.
    pub fn answer(&self, answer: &Answer) -> Result<()> {
        let now = self.connection.now();
        let mut session = self.connection.session()?;
        match self.snapshot.fate.refusal() {
            Some(refusal) => Err(refusal),
            None => session.answer(now, self.id(), answer),
        }
    }

    /// Has `hook` called when it needs no answer any more; at once if it needs none now, and never once the host has answered it.
    pub fn set_cancel_hook(&self, hook: CancelHook) -> Result<()> {
        self.connection.session()?.set_cancel_hook(&self.snapshot, hook);
        Ok(())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let now = self.connection.now();
        if let Ok(mut session) = self.connection.session() {
            session.release_question(now, self.snapshot.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: RequestKind, answer: &Answer) -> String {
        match reply_to(kind, "m", r#"{"permissions":{"network":{"enabled":true}}}"#, answer).unwrap() {
            Reply::Result(result) => result,
            Reply::Error(code, _) => code.to_string(),
        }
    }

    #[test]
    fn every_kind_is_declined_in_its_own_form_and_never_with_an_empty_object() {
        use RequestKind as Kind;
        for (kind, expected) in [
            (Kind::Command, r#"{"decision":"decline"}"#),
            (Kind::FileChange, r#"{"decision":"decline"}"#),
            (Kind::Permissions, r#"{"permissions":{},"scope":"turn"}"#),
            (Kind::McpTool, r#"{"action":"decline"}"#),
            (Kind::Elicitation, r#"{"action":"decline"}"#),
            (Kind::Question, r#"{"answers":{}}"#),
            (Kind::AuthRefresh, "-32601"),
            (Kind::Other, "-32601"),
        ] {
            assert_eq!(words(kind, &Answer::Decline), expected);
        }
        assert!(words(Kind::ToolCall, &Answer::Decline).ends_with(r#""success":false}"#));
    }

    #[test]
    fn approvals_of_the_first_protocol_have_its_words() {
        for method in ["execCommandApproval", "applyPatchApproval"] {
            let kind = RequestKind::of(method, "{}");
            let said = |answer| reply_to(kind, method, "{}", &answer).unwrap();
            let decision = |words: &str| Reply::Result(format!("{{\"decision\":{words}}}"));
            assert_eq!(said(Answer::Approve(Scope::Once)), decision("\"approved\""));
            assert_eq!(said(Answer::Approve(Scope::Session)), decision("\"approved_for_session\""));
            assert_eq!(said(Answer::Decline), decision(r#"{"denied":{"rejection":"rejected by user"}}"#));
            assert_eq!(said(Answer::CancelTurn), decision("\"abort\""));
        }
    }

    #[test]
    fn permissions_are_granted_exactly_as_asked() {
        let answer = Answer::Approve(Scope::Session);
        assert_eq!(
            words(RequestKind::Permissions, &answer),
            r#"{"permissions":{"network":{"enabled":true}},"scope":"session"}"#
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused() {
        for kind in [RequestKind::Question, RequestKind::Elicitation, RequestKind::ToolCall, RequestKind::Other] {
            assert!(reply_to(kind, "m", "{}", &Answer::Approve(Scope::Once)).is_err());
        }
        let text = Answer::Text(ToolOutcome::Success, "x".into());
        assert!(reply_to(RequestKind::Command, "m", "{}", &text).is_err());
        assert_eq!(
            words(RequestKind::ToolCall, &text),
            r#"{"contentItems":[{"type":"inputText","text":"x"}],"success":true}"#
        );
    }

    #[test]
    fn a_tool_answers_with_texts_and_images() {
        let params =
            r#"{"input":[{"type":"text","text":"a \"b\""},{"type":"image","url":"data:image/png;base64,AA=="}]}"#;
        assert_eq!(
            words(RequestKind::ToolCall, &Answer::Items(ToolOutcome::Success, params.into())),
            r#"{"contentItems":[{"type":"inputText","text":"a \"b\""},{"type":"inputImage","imageUrl":"data:image/png;base64,AA=="}],"success":true}"#
        );
    }

    #[test]
    fn what_no_tool_can_answer_with_is_refused() {
        for params in ["{}", r#"{"input":[]}"#, r#"{"input":"x"}"#, r#"{"input":[{"type":"localImage","path":"/a"}]}"#]
        {
            let answer = Answer::Items(ToolOutcome::Success, params.into());
            assert!(reply_to(RequestKind::ToolCall, "m", "{}", &answer).is_err(), "{params}");
        }
        let items = Answer::Items(ToolOutcome::Success, r#"{"input":[{"type":"text","text":"a"}]}"#.into());
        assert!(reply_to(RequestKind::Command, "m", "{}", &items).is_err());
    }

    #[test]
    fn the_approval_of_an_mcp_tool_is_told_from_a_form() {
        let approval = r#"{"_meta":{"codex_approval_kind":"mcp_tool_call"}}"#;
        assert_eq!(RequestKind::of("mcpServer/elicitation/request", approval), RequestKind::McpTool);
        assert_eq!(RequestKind::of("mcpServer/elicitation/request", r#"{"_meta":null}"#), RequestKind::Elicitation);
    }
}
