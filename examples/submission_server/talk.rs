//! What a client has said, and what comes next.

/// What the client has said; forgotten when TLS begins.
#[derive(Default)]
pub(crate) struct Talk {
    pub(crate) hello: Option<String>,
    pub(crate) is_authenticated: bool,
    /// Whether MAIL was said, and SMTPUTF8 with it.
    pub(crate) sender: Option<bool>,
    pub(crate) recipients: Vec<String>,
    pub(crate) awaits: Awaits,
    pub(crate) has_quit: bool,
}

/// What comes next.
#[derive(Default)]
pub(crate) enum Awaits {
    #[default]
    Command,
    /// Behind AUTH.
    Password,
    /// Between DATA and the dot; with the reply to it where it is bad already.
    Message(Vec<u8>, Option<&'static str>),
}
