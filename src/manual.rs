//! The manual, chapter by chapter. The same pages are in `docs/manual/`.
//!
//! To begin with: [`client`] or [`server`]. For the whole: [`house`].

macro_rules! chapters {
    ($($name:ident = $file:literal,)*) => {$(
        #[doc = include_str!($file)]
        pub mod $name {}
    )*};
}

chapters! {
    house = "../docs/manual/house.md",
    errors = "../docs/manual/errors.md",
    client = "../docs/manual/client.md",
    server = "../docs/manual/server.md",
    starttls = "../docs/manual/starttls.md",
    account_setup = "../docs/manual/account_setup.md",
    pins = "../docs/manual/pins.md",
    dane = "../docs/manual/dane.md",
    received = "../docs/manual/received.md",
    providers = "../docs/manual/providers.md",
    certificates = "../docs/manual/certificates.md",
    migration = "../docs/manual/migration.md",
    comparison = "../docs/manual/comparison.md",
}
