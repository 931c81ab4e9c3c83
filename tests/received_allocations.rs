//! The Received field's clauses are written without allocating (in a program of its own: the
//! allocator counts what every thread does).

use std::alloc::System;
use std::fmt::Write;

use bytes::BytesMut;
use mail_tls::received::{Folding, MailProtocol, TlsClause, TransmissionType};
use mail_tls::{CipherSuite, NamedGroup};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Into a buffer that has room: every suite, named and not, at columns that fold and that do not.
#[test]
fn clauses_are_written_without_allocating() {
    let (mut text, mut bytes) = (String::with_capacity(512), BytesMut::with_capacity(512));
    // The test's harness has a thread of its own, which may allocate in one round or another.
    let is_without = (0..10).any(|_| {
        let region = Region::new(ALLOCATOR);
        write_all(&mut text, &mut bytes);
        let change = region.change();
        change.allocations + change.reallocations == 0
    });
    assert!(is_without);
    // That it counts.
    let region = Region::new(ALLOCATOR);
    let clause = TlsClause::new(CipherSuite::from_code_point(0x1301)).to_string();
    assert_ne!(region.change().allocations, 0, "{clause}");
}

fn write_all(text: &mut String, bytes: &mut BytesMut) {
    let with = TransmissionType::new(MailProtocol::Lmtp).with_tls(true);
    for code_point in 0..=u16::MAX {
        let group = NamedGroup::from_code_point(code_point % 0x0200);
        let clause = TlsClause::new(CipherSuite::from_code_point(code_point)).with_group(group);
        text.clear();
        bytes.clear();
        let column = usize::from(code_point % 100);
        write(Folding::at_column(&mut *text, column), with, &clause);
        write(Folding::at_column(&mut *bytes, column), with, &clause);
        assert_eq!(text.as_bytes(), &**bytes);
    }
}

fn write(mut out: Folding<impl Write>, with: TransmissionType, clause: &TlsClause) {
    out.with(with).unwrap();
    out.clause("id", "1").unwrap();
    out.tls(clause).unwrap();
    assert!(out.column() < 78);
}
