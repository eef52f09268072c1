//! No encryption: this build was made without the feature `tls`.

use super::Stream;
use super::wire::Wire;
use crate::engine::error::{Error, Result};

/// There is none.
#[derive(Debug)]
pub(super) enum Tls {}

impl Tls {
    pub(super) fn new(endpoint: &str, _: &str) -> Result<Self> {
        let message = format!(
            "{endpoint} cannot be reached, because this build of libcodex was made without TLS: build it with \
             `make FEATURES=tls`"
        );
        Err(Error::invalid_argument(message).with_reason("featureMissing"))
    }

    pub(super) async fn encrypt(self, _: Wire) -> Result<Box<dyn Stream>> {
        match self {}
    }
}
