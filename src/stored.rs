//! How enums are stored (feature `serde`): by names of their own, which stay when the types change.

use crate::service::Service;

/// An enum of strings that stand for the values of another.
macro_rules! stored {
    ($stored:ident for $own:ident { $($text:literal $variant:ident),+ $(,)? }) => {
        #[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
        pub(crate) enum $stored {
            $(#[serde(rename = $text)] $variant,)+
        }

        impl From<$own> for $stored {
            fn from(own: $own) -> Self {
                match own {
                    $($own::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$stored> for $own {
            fn from(stored: $stored) -> Self {
                match stored {
                    $($stored::$variant => Self::$variant,)+
                }
            }
        }
    };
}

pub(crate) use stored;

stored!(StoredService for Service {
    "imap" Imap,
    "pop3" Pop3,
    "submission" Submission,
    "managesieve" ManageSieve,
    "lmtp" Lmtp,
    "smtp-relay" SmtpRelay,
});
