//! Audits of small sites, each with one thing wrong.
