//! Who uses the runtime, and which models there are.

use super::call::{Timeout, call};
use super::client::Client;
use super::error::{Error, Result};
use super::json::Object;
use super::method;
use super::transport::Redactor;

/// Whether the runtime is to renew its token first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// The one that it has will do.
    Kept,
    /// It is to be renewed.
    Renewed,
}

impl Client {
    /// Logs in with an API key, which the runtime stores without trying it.
    pub fn login_api_key(&self, api_key: &str) -> Result<()> {
        if api_key.is_empty() {
            return Err(Error::invalid_argument("the API key is empty; pass one, like sk-..."));
        }
        let params = Object::new().with_string("type", "apiKey").with_string("apiKey", api_key).to_json();
        let answer = call(self.connection(), method::ACCOUNT_LOGIN_START, &params, Timeout::Default);
        answer.map(drop).map_err(|error| error.cleaned(|text| Redactor::of([api_key]).clean_text(text)))
    }

    /// Who is logged in, as JSON.
    pub fn account(&self, token: Token) -> Result<String> {
        let params = Object::new().with_raw("refreshToken", (token == Token::Renewed).to_string()).to_json();
        call(self.connection(), method::ACCOUNT_READ, &params, Timeout::Default)
    }

    /// Logs out; harmless when nobody is logged in.
    pub fn logout(&self) -> Result<()> {
        call(self.connection(), method::ACCOUNT_LOGOUT, "{}", Timeout::Default).map(drop)
    }

    /// A page of the models, as JSON.
    pub fn models(&self, params: Option<&str>) -> Result<String> {
        self.call(method::MODEL_LIST, params, Timeout::Default)
    }
}
