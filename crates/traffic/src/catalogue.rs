//! The routes of an imaginary shop's API, and what scanners ask for.
//!
//! Invariant: a route's name is what the Worker's normaliser makes of its paths without any template configured, so
//! that the truth of a synthetic log holds for any deployment.

use std::sync::Arc;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// One route.
#[derive(Debug, Clone)]
pub struct CatalogueRoute {
    /// The method.
    pub method: &'static str,
    /// The normalised route, such as `/users/{id}`.
    pub name: Arc<str>,
    /// The path with `{n}` for a number and `{u}` for a UUID.
    pattern: String,
    /// Median response time in ms.
    pub median_ms: f64,
}

/// Method, pattern and median response time in ms, the most popular first.
const SHOP: [(&str, &str, f64); 40] = [
    ("GET", "/api/v1/products", 124.0),
    ("GET", "/api/v1/products/{n}", 96.0),
    ("GET", "/api/v1/users/{n}", 88.0),
    ("POST", "/api/v1/auth/token", 192.0),
    ("GET", "/api/v1/carts/{u}", 104.0),
    ("GET", "/api/v1/search", 256.0),
    ("POST", "/api/v1/carts/{u}/items", 148.0),
    ("GET", "/api/v1/orders/{n}", 116.0),
    ("GET", "/api/v1/orders/{n}/items/{n}", 132.0),
    ("GET", "/api/v1/categories", 80.0),
    ("GET", "/health", 80.0),
    ("POST", "/api/v1/orders", 280.0),
    ("GET", "/api/v1/users/{n}/orders", 176.0),
    ("GET", "/api/v1/products/{n}/reviews", 140.0),
    ("PUT", "/api/v1/carts/{u}/items/{n}", 144.0),
    ("GET", "/api/v1/recommendations/{n}", 236.0),
    ("DELETE", "/api/v1/carts/{u}/items/{n}", 128.0),
    ("GET", "/api/v1/inventory/{n}", 92.0),
    ("POST", "/api/v1/payments", 300.0),
    ("GET", "/api/v1/payments/{u}", 136.0),
    ("GET", "/api/v1/shipments/{u}", 152.0),
    ("GET", "/api/v1/shipments/{u}/events", 164.0),
    ("GET", "/api/v1/categories/{n}/products", 156.0),
    ("POST", "/api/v1/auth/refresh", 120.0),
    ("GET", "/api/v1/users/{n}/addresses", 100.0),
    ("PATCH", "/api/v1/users/{n}", 168.0),
    ("GET", "/api/v1/coupons/{n}", 84.0),
    ("POST", "/api/v1/products/{n}/reviews", 184.0),
    ("GET", "/api/v1/wishlists/{u}", 108.0),
    ("POST", "/api/v1/wishlists/{u}/items", 132.0),
    ("GET", "/api/v1/stores", 92.0),
    ("GET", "/api/v1/stores/{n}/stock", 116.0),
    ("POST", "/api/v1/webhooks/stripe", 160.0),
    ("POST", "/graphql", 264.0),
    ("GET", "/api/v1/invoices/{u}", 180.0),
    ("PATCH", "/api/v1/orders/{n}", 188.0),
    ("DELETE", "/api/v1/users/{n}/addresses/{n}", 124.0),
    ("GET", "/api/v1/notifications", 96.0),
    ("POST", "/api/v1/returns", 220.0),
    ("GET", "/", 80.0),
];

/// How many routes the catalogue has before it begins again under the next service's name.
pub const SHOP_ROUTES: usize = SHOP.len();

/// What scanners ask every server for.
const SCANNED: [&str; 14] = [
    "/wp-login.php",
    "/.env",
    "/.git/config",
    "/xmlrpc.php",
    "/phpmyadmin/index.php",
    "/admin/config.php",
    "/cgi-bin/luci",
    "/actuator/env",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/boaform/admin/formLogin",
    "/HNAP1/",
    "/server-status",
    "/owa/auth/logon.aspx",
    "/solr/admin/info/system",
];

/// The first `count` routes. Beyond the shop's own they are those of its further services, `/svc2/…`, `/svc3/…`.
pub fn routes(count: usize) -> Vec<CatalogueRoute> {
    (1..)
        .flat_map(|service| SHOP.iter().map(move |route| (service, route)))
        .take(count)
        .map(|(service, (method, pattern, median_ms))| {
            let pattern = if service == 1 { (*pattern).to_owned() } else { format!("/svc{service}{pattern}") };
            let name = pattern.replace("{n}", "{id}").replace("{u}", "{id}");
            let name = if name.len() > 1 { name.trim_end_matches('/') } else { &name };
            CatalogueRoute { method, name: name.into(), median_ms: *median_ms, pattern }
        })
        .collect()
}

impl CatalogueRoute {
    /// A path of this route with identifiers filled in, and on some listings a query.
    pub fn target(&self, random: &mut impl Rng) -> String {
        let mut target = String::with_capacity(64);
        for segment in self.pattern.split_inclusive('/') {
            let (name, slash) = segment.strip_suffix('/').map_or((segment, ""), |name| (name, "/"));
            match name {
                // Squared, so that small numbers are frequent, as those of popular things are.
                "{n}" => {
                    let number = random.random_range(0..1_000_u64).pow(2) + random.random_range(1..=1_000);
                    target.push_str(&number.to_string());
                }
                "{u}" => {
                    let id = uuid::Builder::from_random_bytes(random.random()).into_uuid();
                    target.push_str(&id.to_string());
                }
                literal => target.push_str(literal),
            }
            target.push_str(slash);
        }
        let is_listing = self.method == "GET" && !self.pattern.ends_with('}') && self.pattern != "/health";
        if is_listing && random.random_bool(0.4) {
            target.extend(["?page=", &random.random_range(1..=9).to_string(), "&limit=20"]);
        }
        target
    }
}

/// A path that the shop doesn't have.
pub fn scanned_target(random: &mut impl Rng) -> &'static str {
    SCANNED.choose(random).copied().unwrap_or("/.env")
}

#[cfg(test)]
mod tests {
    use model::event::path::{Normalizer, UNMATCHED};
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn the_normaliser_makes_of_each_path_its_routes_name() {
        let (normalizer, refused) = Normalizer::new([]);
        assert_eq!(refused, []);
        let mut random = Pcg64::seed_from_u64(4);
        for route in routes(3 * SHOP_ROUTES) {
            for _ in 0..200 {
                let target = route.target(&mut random);
                let path = target.split('?').next().unwrap();
                assert_eq!(normalizer.normalize(path, 200), *route.name, "{target}");
            }
        }
        assert_eq!(normalizer.normalize(scanned_target(&mut random), 404), UNMATCHED);
    }

    #[test]
    fn routes_are_distinct_by_method_and_name() {
        let mut names: Vec<_> = routes(100).into_iter().map(|r| (r.method, r.name)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 100);
    }
}
