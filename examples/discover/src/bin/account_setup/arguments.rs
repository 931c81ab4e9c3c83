//! The command line.

use std::path::PathBuf;
use std::{env, fs};

use mail_tls::{Account, Client, EmailAddress, Host, TrustAnchors};
use mail_tls_discover::resolver;
use tokio::runtime::Builder;

use crate::{Outcome, Setup};

const USAGE: &str = "usage: account_setup [--login] [--confirm HOST]... [--ca FILE] \
                     [--server ADDRESS:PORT] [--trust-anchor FILE] MAIL-ADDRESS";

pub(crate) fn arguments() -> Outcome<Setup> {
    let (mut server, mut anchor, mut address) = (None, None::<PathBuf>, None);
    let (mut builder, mut confirmed, mut logs_in) = (Client::builder(), Vec::new(), false);
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(USAGE);
        match word.as_str() {
            "--login" => logs_in = true,
            "--confirm" => confirmed.push(Host::parse(&value()?)?),
            "--ca" => {
                builder = builder.trust_anchors(TrustAnchors::from_pem(&fs::read(value()?)?)?)
            }
            "--server" => server = Some(value()?.parse()?),
            "--trust-anchor" => anchor = Some(value()?.into()),
            _ if word.starts_with('-') || address.is_some() => return Err(USAGE.into()),
            _ => address = Some(EmailAddress::parse(&word)?),
        }
    }
    let address = address.ok_or(USAGE)?;
    Ok(Setup {
        runtime: Builder::new_current_thread().enable_all().build()?,
        dns: resolver(server, anchor.as_deref())?,
        client: builder.build()?,
        account: Account::in_setup().with_address(address.clone()),
        address,
        confirmed,
        logs_in,
    })
}
