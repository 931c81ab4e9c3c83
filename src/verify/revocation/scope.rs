//! Which certificates a list is about (RFC 5280 §5.2.5 and §6.3.3 (b)(2)).

use crate::certificate::{CRL_DISTRIBUTION_POINTS, Certificate, boolean};
use crate::der::{self, NotDer, Reader};

/// uniformResourceIdentifier in a GeneralName.
const URI: u8 = der::primitive(6);

/// The scope of a list, from its issuingDistributionPoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Where it is published, if it is not the only one of its issuer.
    uris: Option<Vec<Box<[u8]>>>,
    end_entities: bool,
    authorities: bool,
}

impl Scope {
    /// Without the extension a list is about all certificates of its issuer.
    pub(super) const fn everything() -> Self {
        Self {
            uris: None,
            end_entities: true,
            authorities: true,
        }
    }

    /// Reads the fields that are left after rustls-webpki has refused lists for some reasons alone,
    /// indirect ones and those of attribute certificates.
    pub(super) fn read(point: &[u8]) -> Result<Self, NotDer> {
        let mut fields = Reader::new(der::only(point, der::SEQUENCE)?);
        let uris = match fields.optional(der::constructed(0))? {
            Some(name) => Some(
                full_name(name.content)?
                    .into_iter()
                    .map(Box::from)
                    .collect(),
            ),
            None => None,
        };
        let mut flag = |number| match fields.optional(der::primitive(number))? {
            Some(flag) => boolean(flag.content),
            None => Ok(false),
        };
        let (end_entities_only, authorities_only) = (flag(1)?, flag(2)?);
        Ok(Self {
            uris,
            end_entities: !authorities_only,
            authorities: !end_entities_only,
        })
    }

    /// Whether a certificate that is not listed is known not to be revoked.
    pub(super) fn covers(&self, certificate: &Certificate<'_>) -> bool {
        let is_of_kind = match certificate.is_authority() {
            Ok(true) => self.authorities,
            Ok(false) => self.end_entities,
            Err(NotDer) => false,
        };
        let Some(uris) = &self.uris else {
            return is_of_kind;
        };
        let is_published_there = match certificate.extension(CRL_DISTRIBUTION_POINTS) {
            Ok(Some(points)) => points_to_one_of(points, uris).unwrap_or(false),
            Ok(None) => true,
            Err(NotDer) => false,
        };
        is_of_kind && is_published_there
    }
}

/// `DistributionPointName ::= CHOICE { fullName [0] GeneralNames, nameRelativeToCRLIssuer [1] }`;
/// the URIs of the first kind.
fn full_name(name: &[u8]) -> Result<Vec<&[u8]>, NotDer> {
    let mut uris = Vec::new();
    let Some(full) = Reader::new(name).optional(der::constructed(0))? else {
        return Ok(uris);
    };
    let mut names = Reader::new(full.content);
    while !names.at_end() {
        let name = names.value()?;
        if name.tag == URI {
            uris.push(name.content);
        }
    }
    Ok(uris)
}

/// Whether a point of cRLDistributionPoints names one of the URIs, for all reasons and for the
/// issuer of the certificate.
fn points_to_one_of(points: &[u8], uris: &[Box<[u8]>]) -> Result<bool, NotDer> {
    let mut points = Reader::new(der::only(points, der::SEQUENCE)?);
    while !points.at_end() {
        let mut fields = Reader::new(points.expect(der::SEQUENCE)?.content);
        let name = fields.optional(der::constructed(0))?;
        let (Some(name), true) = (name, fields.at_end()) else {
            continue;
        };
        let names = full_name(name.content)?;
        if names
            .iter()
            .any(|name| uris.iter().any(|uri| **uri == **name))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
