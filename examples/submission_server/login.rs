//! Who may log in, and who is who.

use std::time::SystemTime;

use data_encoding::BASE64;
use mail_tls::Service;
use mail_tls::admission::{
    AdmissionVerdict, ConnectionSecurity, LoginAttempt, ServerPolicy, UtcDay,
};

/// The response of PLAIN (RFC 4616): whether it is right, and the reply. Who may log in on this
/// connection is decided before the password is looked at (RFC 8314 §4.1).
pub(crate) fn plain(
    policy: &ServerPolicy,
    security: ConnectionSecurity,
    response: &str,
) -> (bool, String) {
    let reply = |reply: &str| format!("{reply}\r\n");
    let Ok(decoded) = BASE64.decode(response.as_bytes()) else {
        return (false, reply("501 5.5.2 not base64, or cancelled"));
    };
    let Ok(decoded) = String::from_utf8(decoded) else {
        return (false, reply("501 5.5.2 not UTF-8"));
    };
    let parts: Vec<&str> = decoded.split('\0').collect();
    let [authorization, user, password] = *parts else {
        return (false, reply("501 5.5.2 not a response of PLAIN"));
    };
    let attempt = LoginAttempt::new(Service::Submission, security, user);
    let admission = policy.decide(&attempt, UtcDay::of(SystemTime::now()));
    println!("{admission}");
    match admission.verdict() {
        AdmissionVerdict::RequireTls(denial) | AdmissionVerdict::RequireTls12(denial) => {
            (false, denial.reply("").to_string())
        }
        AdmissionVerdict::Allow if (user, password) == ("test", "test") => {
            match authorization.is_empty() || authorization == user {
                true => (true, reply("235 2.7.0 welcome")),
                false => (false, reply("535 5.7.8 not for somebody else")),
            }
        }
        // Nobody here has an exposed password, or is told of a schedule: there is none.
        _ => (false, reply("535 5.7.8 not you")),
    }
}
