//! The login, by a permit of the session alone (RFC 8314 §5.2).

use std::io::{BufRead, BufReader, Read, Write};

use mail_tls::EmailAddress;

use crate::{Connection, Outcome};

const LONGEST_LINE: u64 = 8192;

pub(crate) fn log_in(
    connection: &mut BufReader<Connection>,
    address: &EmailAddress,
    password: &str,
) -> Outcome<String> {
    if password.contains(['\r', '\n', '\0']) {
        return Err("a line break in the password".into());
    }
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let command = format!(
        "a LOGIN \"{}\" \"{}\"\r\n",
        quoted(&address.to_string()),
        quoted(password)
    );
    let stream = connection.get_mut();
    let (session, outgoing) = stream.session_mut();
    let permit = session.credential_permit()?;
    session.send_credentials(permit, command.as_bytes(), outgoing)?;
    stream.flush()?;
    loop {
        let said = line(connection)?;
        match said.strip_prefix("a ") {
            Some(status) if status.starts_with("OK") => return Ok("logged in".to_owned()),
            Some(status) => return Err(format!("the server says: {status}").into()),
            None => {}
        }
    }
}

pub(crate) fn line(connection: &mut BufReader<Connection>) -> Outcome<String> {
    let mut line = String::new();
    connection.take(LONGEST_LINE).read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.trim_end().escape_debug().to_string()),
        None => Err("the server has gone".into()),
    }
}
