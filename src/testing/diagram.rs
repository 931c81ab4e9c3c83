//! Pictures of state machines, drawn from what the code does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// States, and what leads from one to another. `docs/diagrams/draw` makes the pictures of it.
#[derive(Debug, Default)]
pub(crate) struct Diagram {
    /// In the order in which they came up.
    states: Vec<String>,
    edges: BTreeMap<(usize, usize), Vec<String>>,
}

impl Diagram {
    pub(crate) fn edge(&mut self, from: &str, label: &str, to: &str) {
        let edge = (self.state(from), self.state(to));
        let labels = self.edges.entry(edge).or_default();
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }

    fn state(&mut self, name: &str) -> usize {
        let known = self.states.iter().position(|state| state == name);
        known.unwrap_or_else(|| {
            self.states.push(name.to_owned());
            self.states.len() - 1
        })
    }

    /// Compares with the checked-in file, or writes it where `MAIL_TLS_DRAW` is set.
    #[track_caller]
    pub(crate) fn check(&self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs/diagrams")
            .join(format!("{name}.dot"));
        let drawn = self.dot();
        if std::env::var_os("MAIL_TLS_DRAW").is_some() {
            std::fs::write(&path, &drawn).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            kept, drawn,
            "{name}.dot is not what the code does: run docs/diagrams/draw"
        );
    }

    /// In the language of Graphviz.
    fn dot(&self) -> String {
        let mut dot = String::from(
            "digraph {\n  rankdir=TB; nodesep=0.5; ranksep=0.6;\n  \
             node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f4f8\", fontname=\"sans-serif\"];\n  \
             edge [fontname=\"sans-serif\", fontsize=11];\n",
        );
        for (at, state) in self.states.iter().enumerate() {
            let is_end = !self.edges.keys().any(|(from, to)| *from == at && *to != at);
            let look = if is_end {
                ", fillcolor=\"#e2e6ee\", penwidth=2"
            } else {
                ""
            };
            writeln!(dot, "  s{at} [label=\"{}\"{look}];", escaped(state)).unwrap();
        }
        for ((from, to), labels) in &self.edges {
            let label = labels
                .iter()
                .map(|label| escaped(label))
                .collect::<Vec<_>>()
                .join("\\n");
            writeln!(dot, "  s{from} -> s{to} [label=\"{label}\"];").unwrap();
        }
        dot.push_str("}\n");
        dot
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
