//! Exact binomial bounds: what a number of mismatches among a number of events says about the true rate.
//!
//! Clopper and Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial*, Biometrika
//! 26 (1934); through the regularised incomplete beta function, by Lentz's continued fraction (Numerical Recipes, 6.4).

/// Chance of error of a one-sided bound: 95 % confidence.
pub const ALPHA: f64 = 0.05;

/// Steps of bisection: a double has 52 bits.
const STEPS: usize = 60;

/// Terms of the continued fraction; it needs about the square root of the number of events.
const MAX_TERMS: u32 = 100_000;

/// The chance of at most `x` mismatches among `n` events, if each mismatches with chance `rate`.
pub fn at_most(x: u64, n: u64, rate: f64) -> f64 {
    if x >= n { 1.0 } else { incomplete_beta(real(n - x), real(x) + 1.0, 1.0 - rate) }
}

/// The chance of at least `x` mismatches.
pub fn at_least(x: u64, n: u64, rate: f64) -> f64 {
    match x.checked_sub(1) {
        None => 1.0,
        Some(fewer) => 1.0 - at_most(fewer, n, rate),
    }
}

/// The highest rate that `x` mismatches among `n` events don't rule out. 1 if `n` is 0.
pub fn upper(x: u64, n: u64) -> f64 {
    match (x, n) {
        (_, 0) => 1.0,
        (0, n) => -(ALPHA.ln() / real(n)).exp_m1(),
        (x, n) if x >= n => 1.0,
        (x, n) => bisect(|rate| at_most(x, n, rate) < ALPHA),
    }
}

/// The lowest rate that `x` mismatches among `n` events don't rule out.
pub fn lower(x: u64, n: u64) -> f64 {
    if x == 0 { 0.0 } else { bisect(|rate| at_least(x, n, rate) > ALPHA) }
}

/// The smallest number of events without a mismatch for which [`upper`] is below `limit`: 299 for 1 %.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive; beyond 2^53 it saturates
pub fn fewest(limit: f64) -> u64 {
    if limit <= 0.0 { u64::MAX } else { (ALPHA.ln() / (-limit).ln_1p()).floor() as u64 + 1 }
}

/// Where a rising condition on a rate turns true.
fn bisect(is_above: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if is_above(middle) { high = middle } else { low = middle }
    }
    high
}

#[allow(clippy::cast_precision_loss)] // counts stay far below 2^53
fn real(count: u64) -> f64 {
    count as f64
}

/// The regularised incomplete beta function.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of [`incomplete_beta`].
#[allow(clippy::many_single_char_names)] // as the literature has them
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let sane = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / sane(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for term in 1..=MAX_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / sane(1.0 + numerator * d);
            c = sane(1.0 + numerator / c);
            step = d * c;
            result *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

/// Logarithm of the gamma function by Lanczos's approximation (g = 7, 9 terms; 15 digits).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = (1u8..).zip(TERMS).fold(0.999_999_999_999_809_9, |sum, (i, term)| sum + term / (x + f64::from(i)));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9_f64.max(b.abs() * 1e-9)
    }

    /// By summing the distribution itself.
    fn sum_at_most(x: u64, n: u64, rate: f64) -> f64 {
        let mut term = real(n) * (1.0 - rate).ln();
        let mut sum = term.exp();
        for k in 1..=x {
            term += (real(n - k + 1) / real(k)).ln() + (rate / (1.0 - rate)).ln();
            sum += term.exp();
        }
        sum.min(1.0)
    }

    #[test]
    fn bounds_are_those_of_the_exact_sums() {
        // By bisection over exact binomial coefficients, with another program.
        for (x, n, low, high) in [
            (1, 10, 0.005_116_196_892, 0.394_163_302_437),
            (5, 50, 0.040_236_590_402, 0.198_833_002_516),
            (3, 100, 0.008_225_829_108, 0.075_710_793_750),
        ] {
            assert!(
                (lower(x, n) - low).abs() < 1e-11 && (upper(x, n) - high).abs() < 1e-11,
                "{} {}",
                lower(x, n),
                upper(x, n)
            );
        }
        assert_eq!((lower(0, 10), upper(10, 10), upper(0, 0)), (0.0, 1.0, 1.0));
    }

    #[test]
    fn at_one_percent_299_clean_events_are_the_fewest_that_pass() {
        assert!(upper(0, 299) < 0.01 && upper(0, 298) > 0.01);
        assert_eq!((fewest(0.01), fewest(0.05), fewest(0.001)), (299, 59, 2995));
        assert_eq!(fewest(0.0), u64::MAX);
    }

    #[test]
    fn ten_million_events_are_no_trouble() {
        let (x, n) = (99_000, 10_000_000);
        let (low, high) = (lower(x, n), upper(x, n));
        assert!(low < 0.0099 && 0.0099 < high && high - low < 2e-4, "{low} {high}");
    }

    proptest! {
        #[test]
        fn tails_are_those_of_the_distribution(n in 1u64..400, part in 0.0f64..1.0, rate in 0.001f64..0.6) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let x = (part * real(n)) as u64;
            let summed = sum_at_most(x, n, rate);
            prop_assert!((at_most(x, n, rate) - summed).abs() < 1e-9, "{} {}", at_most(x, n, rate), summed);
        }

        #[test]
        fn bounds_hold_the_observed_rate_between_them_and_are_tight(n in 1u64..100_000, part in 0.0f64..=1.0) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let x = (part * real(n)) as u64;
            let (low, high, rate) = (lower(x, n), upper(x, n), real(x) / real(n));
            prop_assert!(0.0 <= low && low <= rate && rate <= high && high <= 1.0);
            prop_assert!(x == n || near(at_most(x, n, high), ALPHA));
            prop_assert!(x == 0 || near(at_least(x, n, low), ALPHA));
        }
    }
}
