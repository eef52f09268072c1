//! The responses that wait for requests.

use std::collections::VecDeque;
use std::fmt;

use crate::record::Request;
use crate::response::Response;

type Fallback = Box<dyn Fn(&Request) -> Response + Send>;

#[derive(Default)]
pub(crate) struct Queue {
    responses: VecDeque<Response>,
    fallback: Option<Fallback>,
}

impl Queue {
    pub(crate) fn push(&mut self, response: Response) {
        self.responses.push_back(response);
    }

    pub(crate) fn set_fallback(&mut self, fallback: Fallback) {
        self.fallback = Some(fallback);
    }

    /// The oldest response that is kept for the request's last user message, else the oldest that is kept for none.
    pub(crate) fn take(&mut self, request: &Request) -> Option<Response> {
        let text = request.last_user_text();
        self.remove(|needle| needle.is_some_and(|needle| text.contains(needle)))
            .or_else(|| self.remove(|needle| needle.is_none()))
            .or_else(|| self.fallback.as_ref().map(|answer| answer(request)))
    }

    fn remove(&mut self, fits: impl Fn(Option<&str>) -> bool) -> Option<Response> {
        let index = self.responses.iter().position(|response| fits(response.needle.as_deref()))?;
        self.responses.remove(index)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").field("responses", &self.responses).finish_non_exhaustive()
    }
}
