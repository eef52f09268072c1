//! What the program remembers of a thread.

use std::env;

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::now_ms;

/// The state that a thread shows.
#[derive(Clone, Copy)]
pub(crate) enum Status {
    Idle,
    Active,
    SystemError,
}

impl Status {
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::Idle => json!({"type": "idle"}),
            Self::Active => json!({"type": "active", "activeFlags": []}),
            Self::SystemError => json!({"type": "systemError"}),
        }
    }
}

/// How much of the turns a view of a thread has.
#[derive(Clone, Copy)]
pub(crate) enum History {
    Without,
    Full,
}

/// An item of a turn.
#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Item {
    UserMessage(UserMessage),
    AgentMessage(AgentMessage),
    #[serde(untagged)]
    Other(Value),
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserMessage {
    pub(crate) id: String,
    pub(crate) client_id: Value,
    pub(crate) content: Value,
    pub(crate) started_at_ms: u64,
    pub(crate) completed_at_ms: Option<u64>,
}

#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentMessage {
    pub(crate) moderation: (),
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) phase: Option<String>,
    pub(crate) memory_citation: (),
    pub(crate) delivery: (),
    pub(crate) questions: (),
    pub(crate) started_at_ms: u64,
    pub(crate) completed_at_ms: Option<u64>,
}

impl Item {
    pub(crate) fn completed(&self, at_ms: u64) -> Self {
        let mut item = self.clone();
        match &mut item {
            Self::UserMessage(message) => message.completed_at_ms = Some(at_ms),
            Self::AgentMessage(message) => message.completed_at_ms = Some(at_ms),
            Self::Other(_) => {}
        }
        item
    }
}

/// An item with the times of its events.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) item: Item,
    pub(crate) started_at_ms: u64,
    pub(crate) completed_at_ms: u64,
}

/// A turn, open or ended.
#[derive(Clone)]
pub(crate) struct TurnRecord {
    pub(crate) id: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) status: String,
    pub(crate) error: Value,
    pub(crate) started_at_ms: u64,
    pub(crate) completed_at_ms: Option<u64>,
}

/// A turn as it is in answers and events.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnView<'a> {
    id: &'a str,
    root_turn_id: &'a str,
    items: Vec<&'a Item>,
    items_view: &'a str,
    status: &'a str,
    error: &'a Value,
    started_at: Option<u64>,
    completed_at: Option<u64>,
    duration_ms: Option<u64>,
}

impl TurnRecord {
    pub(crate) fn open(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            entries: Vec::new(),
            status: "inProgress".to_owned(),
            error: Value::Null,
            started_at_ms: now_ms(),
            completed_at_ms: None,
        }
    }

    /// The turn with all its items.
    pub(crate) fn view(&self, items_view: &'static str) -> TurnView<'_> {
        let items = self.entries.iter().map(|entry| &entry.item).collect();
        TurnView { items, items_view, ..self.bare_view() }
    }

    /// The turn without items.
    pub(crate) fn bare_view(&self) -> TurnView<'_> {
        let elapsed = |end: u64| end.saturating_sub(self.started_at_ms);
        TurnView {
            id: &self.id,
            root_turn_id: &self.id,
            items: Vec::new(),
            items_view: "notLoaded",
            status: &self.status,
            error: &self.error,
            started_at: Some(self.started_at_ms / 1_000),
            completed_at: self.completed_at_ms.map(|ms| ms / 1_000),
            duration_ms: self.completed_at_ms.map(elapsed),
        }
    }

    /// The turn as the answer to `turn/start` has it.
    pub(crate) fn promised_view(&self) -> TurnView<'_> {
        TurnView { started_at: None, ..self.bare_view() }
    }

    /// The turn as `turn/completed` has it: with the final answer alone, and only on success.
    pub(crate) fn ended_view(&self) -> TurnView<'_> {
        let is_answer = |item: &&Item| matches!(item, Item::AgentMessage(_));
        let mut items = self.entries.iter().map(|entry| &entry.item).rev();
        match (self.status.as_str(), items.find(is_answer)) {
            ("completed", Some(item)) => TurnView { items: vec![item], items_view: "summary", ..self.bare_view() },
            _ => self.bare_view(),
        }
    }
}

/// A thread.
#[derive(Clone)]
pub(crate) struct Thread {
    pub(crate) id: String,
    pub(crate) forked_from: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) status: Status,
    pub(crate) turns: Vec<TurnRecord>,
    settings: Value,
    created_at: u64,
}

impl Thread {
    /// A thread with the settings that the params of its request name.
    pub(crate) fn new(id: &str, params: &Value) -> Self {
        Self {
            id: id.to_owned(),
            forked_from: None,
            name: None,
            status: Status::Idle,
            turns: Vec::new(),
            settings: settings(params),
            created_at: now_ms() / 1_000,
        }
    }

    pub(crate) fn fork(&self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            forked_from: Some(self.id.clone()),
            status: Status::Idle,
            created_at: now_ms() / 1_000,
            ..self.clone()
        }
    }

    /// The last turn with this id, which must exist.
    pub(crate) fn turn_mut(&mut self, id: &str) -> &mut TurnRecord {
        let place = self.turns.iter().rposition(|turn| turn.id == id);
        &mut self.turns[place.expect("an open turn is on its thread")]
    }

    pub(crate) fn view(&self, originator: &str, history: History) -> Value {
        let turns: Vec<_> = match history {
            History::Without => Vec::new(),
            History::Full => self.turns.iter().map(|turn| turn.view("full")).collect(),
        };
        let settings = &self.settings;
        json!({
            "id": self.id,
            "environments": [{"environmentId": "local", "cwd": settings["cwd"], "runtimeWorkspaceRoots": [settings["cwd"]]}],
            "extra": null,
            "sessionId": self.id,
            "forkedFromId": self.forked_from,
            "attachedToThreadId": null,
            "parentThreadId": null,
            "preview": self.preview(),
            "ephemeral": settings["ephemeral"],
            "section": null,
            "sectionEnteredAt": null,
            "projectId": null,
            "historyMode": "paginated",
            "modelProvider": settings["modelProvider"],
            "model": settings["model"],
            "reasoningEffort": null,
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
            "recencyAt": self.created_at,
            "status": self.status.to_json(),
            "path": self.path(),
            "cwd": settings["cwd"],
            "cliVersion": crate::VERSION,
            "originator": originator,
            "source": "vscode",
            "canAcceptDirectInput": true,
            "threadSource": null,
            "agentNickname": null,
            "agentRole": null,
            "gitInfo": null,
            "name": self.name,
            "daybreakEnabled": null,
            "turns": turns,
        })
    }

    /// The result of `thread/start` and its like.
    pub(crate) fn opened(&self, originator: &str, history: History) -> Value {
        let settings = &self.settings;
        json!({
            "thread": self.view(originator, history),
            "model": settings["model"],
            "modelProvider": settings["modelProvider"],
            "serviceTier": null,
            "disabledPluginIds": [],
            "cwd": settings["cwd"],
            "runtimeWorkspaceRoots": [settings["cwd"]],
            "instructionSources": [],
            "approvalPolicy": settings["approvalPolicy"],
            "approvalsReviewer": "user",
            "sandbox": settings["sandbox"],
            "activePermissionProfile": null,
            "reasoningEffort": null,
            "multiAgentMode": "explicitRequestOnly",
        })
    }

    fn preview(&self) -> &str {
        let first = self.turns.first().and_then(|turn| turn.entries.first());
        match first.map(|entry| &entry.item) {
            Some(Item::UserMessage(message)) => message.content[0]["text"].as_str().unwrap_or_default(),
            _ => "",
        }
    }

    fn path(&self) -> Option<String> {
        let persisted = self.settings["ephemeral"] == false;
        persisted.then(|| format!("{}/sessions/rollout-{}.jsonl", codex_home(), self.id))
    }
}

/// The folder that the real runtime would keep its files in.
pub(crate) fn codex_home() -> String {
    let home = || env::var("HOME").map(|home| format!("{home}/.codex"));
    env::var("CODEX_HOME").or_else(|_| home()).unwrap_or_else(|_| "/.codex".to_owned())
}

fn settings(params: &Value) -> Value {
    let given = |name: &str| Some(&params[name]).filter(|value| !value.is_null());
    let or = |name: &str, default: &str| given(name).cloned().unwrap_or_else(|| json!(default));
    let here = env::current_dir().unwrap_or_default();
    json!({
        "cwd": or("cwd", &here.to_string_lossy()),
        "model": or("model", "gpt-5.5"),
        "modelProvider": or("modelProvider", "openai"),
        "ephemeral": params["ephemeral"] == true,
        "approvalPolicy": or("approvalPolicy", "on-request"),
        "sandbox": sandbox(params["sandbox"].as_str()),
    })
}

fn sandbox(mode: Option<&str>) -> Value {
    match mode {
        Some("danger-full-access") => json!({"type": "dangerFullAccess"}),
        Some("workspace-write") => json!({
            "type": "workspaceWrite", "writableRoots": [], "networkAccess": false,
            "excludeTmpdirEnvVar": false, "excludeSlashTmp": false,
        }),
        _ => json!({"type": "readOnly", "networkAccess": false}),
    }
}
