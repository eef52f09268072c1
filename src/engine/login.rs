//! A login that a person completes elsewhere: in a browser, or with a code on another device.

use std::sync::Arc;

use super::call::{Timeout, call};
use super::client::Client;
use super::connection::{Anchor, Connection, Deadline};
use super::error::{Error, Result, Status};
use super::json::{Object, member, string};
use super::method;
use super::session::{Interest, LoginKey};
use super::text::ZString;

/// Where a person completes a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// In a browser on this machine.
    Browser,
    /// On any device, with a code.
    DeviceCode,
}

/// A login that was begun.
#[derive(Debug)]
pub struct Login {
    anchor: Arc<Anchor>,
    key: LoginKey,
    id: ZString,
    url: ZString,
    user_code: ZString,
}

impl Login {
    /// Begins a login and waits until the runtime has told where it goes on.
    pub fn start(client: &Client, flow: Flow) -> Result<Self> {
        let kind = match flow {
            Flow::Browser => "chatgpt",
            Flow::DeviceCode => "chatgptDeviceCode",
        };
        let params = Object::new().with_string("type", kind).to_json();
        let connection = client.connection();
        connection.session()?.expect_login();
        let begun = call(connection, method::ACCOUNT_LOGIN_START, &params, Timeout::Default).and_then(Begun::read);
        let mut session = connection.session()?;
        let Begun { id, url, user_code } = match begun {
            Ok(begun) => begun,
            Err(error) => {
                session.forget_login();
                return Err(error);
            }
        };
        let key = session.name_login(&id);
        drop(session);
        let anchor = Arc::clone(client.anchor());
        Ok(Self { anchor, key, id: id.into(), url: url.into(), user_code: user_code.into() })
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        self.anchor.connection()
    }

    /// Its id.
    pub fn id(&self) -> &ZString {
        &self.id
    }

    /// Where a person completes it.
    pub fn url(&self) -> &ZString {
        &self.url
    }

    /// What the person types there; "" in the browser flow.
    pub fn user_code(&self) -> &ZString {
        &self.user_code
    }

    /// Waits for its end; `None` when the deadline passed first.
    pub fn wait(&self, deadline: Deadline) -> Result<Option<Result<()>>> {
        self.connection().wait(Interest::Login(self.key), deadline, |session| session.login_ended(self.key))
    }

    /// Gives it up; harmless when it has ended.
    pub fn cancel(&self) -> Result<()> {
        let params = Object::new().with_string("loginId", self.id.as_str()).to_json();
        let answer = call(self.connection(), method::ACCOUNT_LOGIN_CANCEL, &params, Timeout::Default)?;
        if member(&answer, "status").and_then(string).as_deref() == Some("canceled") {
            self.connection().session()?.login_cancelled(self.key);
        }
        Ok(())
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        if let Ok(mut session) = self.connection().session() {
            session.free_login(self.key);
        }
    }
}

/// The answer to `account/login/start`.
struct Begun {
    id: String,
    url: String,
    user_code: String,
}

impl Begun {
    fn read(answer: String) -> Result<Self> {
        let text = |key: &str| member(&answer, key).and_then(string);
        let url = text("authUrl").or_else(|| text("verificationUrl"));
        let (Some(id), Some(url)) = (text("loginId"), url) else {
            let message = "the runtime began a login and told neither its id nor where it goes on";
            return Err(Error::new(Status::Protocol, message));
        };
        let user_code = text("userCode").unwrap_or_default();
        Ok(Self { id, url, user_code })
    }
}
