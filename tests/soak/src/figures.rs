//! What has become of all sessions, on both sides, and whether that is right.

use std::collections::{BTreeMap, HashMap};
use std::mem::size_of;
use std::time::Duration;

use crate::ending::Ending;
use crate::story::{Story, Turn};

/// Bytes by which a process may have grown: its tables of tasks and sockets are not given back.
const GROWTH: usize = 64 * 1024;

/// One session on the client's side.
#[derive(Debug)]
pub(crate) struct ClientRecord {
    pub(crate) story: Story,
    pub(crate) ending: Ending,
    pub(crate) has_fault: bool,
    /// How much was sent, and its hash.
    pub(crate) up: (u64, String),
    /// How much was received, and its hash.
    pub(crate) down: (u64, String),
}

impl ClientRecord {
    pub(crate) fn without_content(story: Story, ending: Ending) -> Self {
        Self {
            story,
            ending,
            has_fault: false,
            up: (0, String::new()),
            down: (0, String::new()),
        }
    }
}

/// One session on the server's side.
#[derive(Debug)]
pub(crate) struct ServerRecord {
    /// If it came so far that its client named it.
    id: Option<u64>,
    ending: Ending,
    up: (u64, String),
    down: (u64, String),
}

impl ServerRecord {
    pub(crate) fn parse(words: &[&str]) -> Option<Self> {
        let (id, ending, up, down) = match words {
            ["-", ending] => (None, ending, ("0", ""), ("0", "")),
            [id, ending, up, up_hash, down, down_hash] => {
                let id = Some(id.parse().ok()?);
                (id, ending, (*up, *up_hash), (*down, *down_hash))
            }
            _ => return None,
        };
        Some(Self {
            id,
            ending: Ending::parse(ending),
            up: (up.0.parse().ok()?, up.1.to_owned()),
            down: (down.0.parse().ok()?, down.1.to_owned()),
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) time: Duration,
    clients: Vec<ClientRecord>,
    servers: HashMap<u64, ServerRecord>,
    unnamed: BTreeMap<Ending, usize>,
    faults: Vec<String>,
}

impl Figures {
    pub(crate) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    pub(crate) fn take_clients(&mut self, records: Vec<ClientRecord>) {
        self.clients.extend(records);
    }

    pub(crate) fn take_server(&mut self, record: ServerRecord) {
        match record.id {
            None => *self.unnamed.entry(record.ending).or_default() += 1,
            Some(id) => {
                if self.servers.insert(id, record).is_some() {
                    self.fault(format!("session {id} came twice"));
                }
            }
        }
    }

    /// What all this takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let texts = |up: &String, down: &String| up.capacity() + down.capacity();
        let clients: usize = self
            .clients
            .iter()
            .map(|record| texts(&record.up.1, &record.down.1))
            .sum();
        let servers: usize = self
            .servers
            .values()
            .map(|record| texts(&record.up.1, &record.down.1))
            .sum();
        // A hash table has a control byte for each place, and an eighth of the places is free.
        let places = self.servers.capacity() * 8 / 7;
        clients
            + servers
            + self.clients.capacity() * size_of::<ClientRecord>()
            + places * (size_of::<(u64, ServerRecord)>() + 1)
    }

    /// Prints the figures; what is wrong with them.
    pub(crate) fn judge(mut self, memory: &[(usize, usize)], sessions: usize) -> Vec<String> {
        let mut endings: BTreeMap<(Turn, Ending, String), usize> = BTreeMap::new();
        let (mut up, mut down) = (0, 0);
        for client in std::mem::take(&mut self.clients) {
            let server = self.servers.remove(&client.story.id);
            let theirs = server.as_ref().map(|server| server.ending);
            let key = theirs.map_or_else(|| "unnamed".to_owned(), |ending| ending.to_string());
            *endings
                .entry((client.story.turn, client.ending, key))
                .or_default() += 1;
            up += server.as_ref().map_or(0, |server| server.up.0);
            down += client.down.0;
            if let Some(fault) = wrong(&client, server.as_ref()) {
                self.faults.push(format!("{fault}: {client:?} {server:?}"));
            }
        }
        for (turn, client, server) in endings.keys() {
            let count = endings[&(*turn, *client, server.clone())];
            println!("{count:8}  {turn:?}: client {client}, server {server}");
        }
        let unnamed: usize = endings
            .iter()
            .filter(|((_, _, server), _)| server == "unnamed")
            .map(|(_, count)| count)
            .sum();
        for (ending, count) in &self.unnamed {
            println!("{count:8}  without a name at the server: {ending}");
        }
        let at_server: usize = self.unnamed.values().sum();
        // A client that resets at once may never have been accepted.
        if at_server > unnamed || self.unnamed.contains_key(&Ending::Other) {
            self.faults.push(format!(
                "{unnamed} sessions without a name at the client, {at_server} at the server"
            ));
        }
        let total: usize = endings.values().sum();
        println!(
            "{total} sessions in {:?}, {up} bytes received by the server, {down} by the clients",
            self.time
        );
        if total < sessions {
            self.faults.push(format!("only {total} sessions"));
        }
        if let [(client, server), (client_after, server_after)] = memory {
            println!("live bytes, clients: {client} before, {client_after} after");
            println!("live bytes, server: {server} before, {server_after} after");
            for (before, after) in [(client, client_after), (server, server_after)] {
                if after.saturating_sub(*before) > GROWTH {
                    self.faults
                        .push(format!("memory grew from {before} to {after} bytes"));
                }
            }
        }
        self.faults
    }
}

/// What is wrong with one session.
fn wrong(client: &ClientRecord, server: Option<&ServerRecord>) -> Option<&'static str> {
    use Ending as E;
    if client.has_fault {
        return Some("received what was not sent");
    }
    let theirs = server.map(|server| server.ending);
    let is_told = match client.story.turn {
        Turn::None | Turn::SlowReader | Turn::SlowWriter | Turn::ServerClosesFirst => {
            client.ending == E::Clean && theirs == Some(E::Clean)
        }
        Turn::ClientResets | Turn::ClientVanishes => {
            client.ending == E::Left && matches!(theirs, None | Some(E::Truncated))
        }
        Turn::ServerVanishes => client.ending == E::Truncated && theirs == Some(E::Left),
        Turn::Damage => {
            matches!(client.ending, E::PeerAtFault | E::Truncated)
                && matches!(theirs, None | Some(E::PeerAtFault))
        }
        Turn::HalfOpen => client.ending == E::Unestablished && theirs.is_none(),
    };
    if !is_told {
        return Some("another end than its story's");
    }
    let server = server?;
    let is_whole = client.ending == E::Clean;
    if is_whole && (client.up != server.up || client.down != server.down) {
        return Some("the hashes differ");
    }
    if is_whole && (client.up.0 != client.story.up || client.down.0 != client.story.down) {
        return Some("not everything was sent");
    }
    if server.up.0 > client.up.0 || client.down.0 > server.down.0 {
        return Some("more was received than sent");
    }
    None
}
