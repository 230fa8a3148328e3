//! Any bytes: a typed error or an image, within the limits, the same at every try and from a stream,
//! with and without the data behind it, and with its tables in a stream of their own.
#![no_main]

use std::io::Read;

use feature_distillation::{CoefficientImage, DecodeOptions, Error, Limits, TableSpecification};
use feature_distillation_fuzz::allocation::{Counting, peak_of};
use feature_distillation_fuzz::jpeg::{UNCHARGED, limits, split_tables};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fuzz_target!(|input: &[u8]| {
    let limits = limits(1 << 20);
    let options = DecodeOptions::new().with_limits(limits);
    let image = within(&limits, || CoefficientImage::decode_with(input, &options));
    let none = TableSpecification::default();
    let again = CoefficientImage::decode_abbreviated(input, &none, &options);
    assert_eq!(summary(&image), summary(&again), "the second try differs");
    let streamed = CoefficientImage::read_with(Trickle(input), &options);
    assert_eq!(summary(&image), summary(&streamed), "the stream differs");
    let trailed = within(&limits, || {
        CoefficientImage::decode_with(input, &options.with_trailing_data(true))
    });
    if let Ok(image) = image {
        check_trailing_data(input, &image, trailed);
        // What the limits allow is what no limits give.
        let unlimited = DecodeOptions::new().with_limits(Limits::none());
        let free = CoefficientImage::decode_with(input, &unlimited);
        assert_eq!(Ok(&image), free.as_ref().map_err(|_| ()));
    } else {
        assert!(trailed.is_err());
        check_abbreviated(input, &options);
    }
});

/// What `decode` gives, which may not hold more than the limits allow.
fn within<T>(limits: &Limits, decode: impl FnOnce() -> T) -> T {
    let (result, peak) = peak_of(decode);
    assert!(
        peak <= limits.max_memory() + UNCHARGED,
        "{peak} bytes were held under a limit of {}",
        limits.max_memory()
    );
    result
}

fn check_trailing_data(
    input: &[u8],
    image: &CoefficientImage,
    trailed: Result<CoefficientImage, Error>,
) {
    match trailed {
        Ok(mut trailed) => {
            let data = std::mem::take(trailed.trailing_data_mut());
            let before = input.strip_suffix(data.as_slice());
            let before = before.expect("the end of the input");
            assert!(before.ends_with(&[0xFF, 0xD9]));
            assert_eq!(&trailed, image);
        }
        // They count against the memory.
        Err(Error::LimitExceeded { .. }) => {}
        Err(error) => panic!("with trailing data: {error}"),
    }
}

/// A stream of tables with an image behind it is read as the file that has the tables inside.
fn check_abbreviated(input: &[u8], options: &DecodeOptions) {
    let limits = options.limits();
    if within(limits, || TableSpecification::decode_with(input, options)).is_err() {
        return;
    }
    let (tables, image) = split_tables(input);
    let specification = TableSpecification::decode_with(tables, options).expect("as just now");
    let apart = within(limits, || {
        CoefficientImage::decode_abbreviated(image, &specification, options)
    });
    if !image.starts_with(&[0xFF, 0xD8]) {
        assert!(apart.is_err());
        return;
    }
    // Restart interval and conditioning end with the stream they stand in.
    let ends_with_stream = |code: u8| tables.windows(2).any(|pair| pair == [0xFF, code]);
    if ends_with_stream(0xDD) || ends_with_stream(0xCC) {
        return;
    }
    let joined = [&tables[..tables.len() - 2], &image[2..]].concat();
    let unlimited = DecodeOptions::new().with_limits(Limits::none());
    let joined = CoefficientImage::decode_with(&joined, &unlimited);
    match (apart, joined) {
        (Ok(apart), Ok(joined)) => assert_eq!(apart.components(), joined.components()),
        (Ok(_), Err(error)) => panic!("refused with the tables inside: {error}"),
        (Err(Error::LimitExceeded { .. }), _) | (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => panic!("refused with the tables apart: {error}"),
    }
}

/// The image, or the error's text, which tells kind and position.
fn summary(image: &Result<CoefficientImage, Error>) -> Result<&CoefficientImage, String> {
    image.as_ref().map_err(ToString::to_string)
}

/// A stream that never gives more than seven bytes at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(7);
        self.0.read(&mut buffer[..count])
    }
}
