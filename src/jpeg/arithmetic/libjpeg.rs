//! Files that libjpeg-turbo wrote: read to the coefficients it was given, written to the same bytes.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::decoder::tests::unstuffed;
use super::{BlockDecoder, BlockEncoder, CodedComponent, Conditioning};
use crate::band::Block;
use crate::coefficients::{CodingProcess, Component};
use crate::error::Malformed;
use crate::jpeg::header::{FrameHeader, ScanHeader};
use crate::jpeg::marker::{self, Source};
use crate::quantization::QuantizationTable;

/// Reads a file, and writes each scan again from the final coefficients: the same bytes must come.
fn decode_and_write_again(file: &[u8]) -> Vec<Component> {
    let mut source = Source::new(file);
    source.seek(2);
    let mut conditioning = Conditioning::default();
    let mut restart_interval = 0;
    let mut frame: Option<(FrameHeader, Vec<Component>)> = None;
    let mut scans = Vec::new();
    let mut dac = &[][..];
    loop {
        let (code, _) = source.marker().unwrap();
        if code == marker::EOI {
            break;
        }
        let mut segment = source.segment(code).unwrap();
        match code {
            marker::SOF9 | marker::SOF10 => {
                let like = [marker::SOF1, marker::SOF2][usize::from(code == marker::SOF10)];
                let header =
                    FrameHeader::parse(like, &mut segment, || unreachable!("a height is given"))
                        .unwrap();
                let components = zeroed(&header);
                frame = Some((header, components));
            }
            marker::DRI => restart_interval = u32::from(segment.word().unwrap()),
            marker::DAC => {
                dac = segment.payload();
                while !segment.is_empty() {
                    let (class, destination) = segment.nibbles().unwrap();
                    let value = segment.byte().unwrap();
                    conditioning.set(class, destination, value).unwrap();
                }
            }
            marker::SOS => {
                let (header, components) = frame.as_mut().unwrap();
                let scan = Scan {
                    header: ScanHeader::parse(&mut segment, header).unwrap().0,
                    sequential: header.process != CodingProcess::Progressive,
                    mcus: header.geometry.mcus(),
                    conditioning,
                    restart_interval,
                };
                assert_eq!(scan.conditioning_payload(), std::mem::take(&mut dac));
                let data = entropy_coded(source.remaining());
                source.seek(source.position() + data.len());
                scan.decode(components, data);
                scans.push((scan, data));
            }
            _ => {}
        }
    }
    let (_, components) = frame.unwrap();
    for (scan, data) in scans {
        assert!(scan.encode(&components) == data, "{:?}", scan.header);
    }
    components
}

/// A scan header and all that was in force at it.
struct Scan {
    header: ScanHeader,
    sequential: bool,
    mcus: (u32, u32),
    conditioning: Conditioning,
    restart_interval: u32,
}

/// A block of a scan; the coordinates of one that pads its MCU are outside its component.
struct Visit {
    restart_before: bool,
    index: usize,
    coded: CodedComponent,
    x: u32,
    y: u32,
}

impl Scan {
    fn visits(&self, components: &[Component]) -> Vec<Visit> {
        let interleaved = self.header.components.len() > 1;
        let (wide, high) = if interleaved {
            self.mcus
        } else {
            let only = &components[self.header.components[0].index];
            (only.blocks_wide(), only.blocks_high())
        };
        let mut visits = Vec::new();
        for mcu in 0..wide * high {
            let mut restart_before =
                mcu > 0 && self.restart_interval > 0 && mcu % self.restart_interval == 0;
            for (slot, scanned) in self.header.components.iter().enumerate() {
                let (horizontal, vertical) = components[scanned.index]
                    .sampling()
                    .blocks_in_mcu(interleaved);
                for block in 0..horizontal * vertical {
                    visits.push(Visit {
                        restart_before: std::mem::take(&mut restart_before),
                        index: scanned.index,
                        coded: CodedComponent {
                            slot,
                            dc_destination: scanned.dc_destination,
                            ac_destination: scanned.ac_destination,
                        },
                        x: mcu % wide * horizontal + block % horizontal,
                        y: mcu / wide * vertical + block / horizontal,
                    });
                }
            }
        }
        visits
    }

    fn decode(&self, components: &mut [Component], data: &[u8]) {
        let intervals: Vec<Vec<u8>> = restart_intervals(data).map(unstuffed).collect();
        let mut intervals = intervals.iter();
        let mut interval = intervals.next().unwrap();
        let mut decoder = BlockDecoder::new(interval, &self.conditioning);
        for visit in self.visits(components) {
            if visit.restart_before {
                assert!(decoder.consumed_bytes() >= interval.len());
                interval = intervals.next().unwrap();
                decoder = BlockDecoder::new(interval, &self.conditioning);
            }
            let mut padding = [0; 64];
            let block = components[visit.index]
                .block_mut(visit.x, visit.y)
                .unwrap_or(&mut padding);
            self.decode_block(&mut decoder, visit.coded, block).unwrap();
        }
        assert!(decoder.consumed_bytes() >= interval.len());
        assert!(intervals.next().is_none());
    }

    fn decode_block(
        &self,
        decoder: &mut BlockDecoder<'_>,
        coded: CodedComponent,
        block: &mut Block,
    ) -> Result<(), Malformed> {
        let header = &self.header;
        let band = header.start..=header.end;
        match (header.start, header.high) {
            _ if self.sequential => decoder.sequential(coded, block),
            (0, 0) => decoder.dc_first(coded, block, header.low),
            (0, _) => {
                decoder.dc_refinement(block, header.low);
                Ok(())
            }
            (_, 0) => decoder.ac_first(coded, block, band, header.low),
            (_, _) => decoder.ac_refinement(coded, block, band, header.low),
        }
    }

    fn encode(&self, components: &[Component]) -> Vec<u8> {
        let header = &self.header;
        let band = header.start..=header.end;
        let mut encoder = BlockEncoder::new(Vec::new(), &self.conditioning);
        let mut restarts = 0;
        let mut previous = [[0; 64]; 4];
        for Visit {
            restart_before,
            index,
            coded,
            x,
            y,
        } in self.visits(components)
        {
            if restart_before {
                encoder.restart(restarts);
                restarts = (restarts + 1) % 8;
            }
            // Padding repeats the mean of the block before it.
            let padding = &mut previous[index];
            padding[1..].fill(0);
            let block = components[index].block(x, y).unwrap_or(padding);
            match (header.start, header.high) {
                _ if self.sequential => encoder.sequential(coded, block).unwrap(),
                (0, 0) => encoder.dc_first(coded, block, header.low).unwrap(),
                (0, _) => encoder.dc_refinement(block, header.low),
                (_, 0) => encoder
                    .ac_first(coded, block, band.clone(), header.low)
                    .unwrap(),
                (_, _) => encoder.ac_refinement(coded, block, band.clone(), header.low),
            }
            previous[index] = *block;
        }
        encoder.finish()
    }

    /// The DAC segment that libjpeg writes before the scan.
    fn conditioning_payload(&self) -> Vec<u8> {
        let header = &self.header;
        let used = |used: bool, destinations: Vec<u8>| if used { destinations } else { Vec::new() };
        let dc = header.components.iter().map(|c| c.dc_destination).collect();
        let ac = header.components.iter().map(|c| c.ac_destination).collect();
        self.conditioning.payload(
            &used((header.start, header.high) == (0, 0), dc),
            &used(header.end > 0, ac),
        )
    }
}

fn zeroed(header: &FrameHeader) -> Vec<Component> {
    header
        .components
        .iter()
        .map(|component| {
            let table = QuantizationTable::annex_k_luminance();
            let mut zeroed =
                Component::unfilled(component.id, component.sampling, table, &header.geometry);
            let count = zeroed.block_count();
            zeroed.storage().resize(count, [0; 64]);
            zeroed
        })
        .collect()
}

/// The data up to the first marker that is no restart marker.
fn entropy_coded(rest: &[u8]) -> &[u8] {
    let end = rest
        .windows(2)
        .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7))
        .unwrap();
    &rest[..end]
}

fn restart_intervals(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let end = data
            .windows(2)
            .position(|pair| pair[0] == 0xFF && pair[1] != 0);
        let interval = &data[..end.unwrap_or(data.len())];
        data = end.map_or(&[], |end| &data[end + 2..]);
        done = end.is_none();
        Some(interval)
    })
}

/// SHA-256 of the blocks, each coefficient as two bytes, low first.
fn digest(component: &Component) -> String {
    let bytes: Vec<u8> = component
        .blocks()
        .iter()
        .flatten()
        .flat_map(|coefficient| coefficient.to_le_bytes())
        .collect();
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
}

#[test]
fn scans_of_libjpeg_are_read_and_written_byte_for_byte() {
    for (number, (digests, hexadecimal)) in FILES.iter().enumerate() {
        let file: Vec<u8> = (0..hexadecimal.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
            .collect();
        let components = decode_and_write_again(&file);
        let found: Vec<String> = components.iter().map(digest).collect();
        assert_eq!(&found, digests, "file {number}");
    }
}

/// Files of libjpeg-turbo 2.1.5 without their APP0 and DQT segments, and the digest of each component's
/// coefficients.
///
/// The first three are fixtures of this repository through `jpegtran -copy none -arithmetic`, with
/// `-progressive` and `-restart 2B` where it says so. The others come from `jpeg_write_coefficients`,
/// given random coefficients, `arith_dc_L`, `arith_dc_U`, `arith_ac_K` and scan scripts.
const FILES: [(&[&str], &str); 8] = [
    // Progressive, grey.
    (
        &["2e1ab031e76cbb7aa5cd6acee0eec7cc37f00b7b1a9e432324e6e9baed68c9da"],
        "\
         ffd8ffca000b08001f002101011100ffcc00040010ffda0008010100000001fedd0b91b1edd374d58f586140\
         f4a3fb4952fa23b7f660ffcc00041005ffda000801010001050218188f924e84c1654301591f44ef026272fa\
         b2b3f4d0e111af8717d057f97883cb2630df141e6f0298f64c3bb9a0ffcc00041005ffda0008010100063f02\
         23eefc9d8f7f5f950ec360137e7b3d7ebdcad13b368e8b94c8f1a6cbbb30f68b8633dafc5a1ee54e239ed9d1\
         20a0e6467afc35f3bdabb5ffcc00041005ffda0008010100013f21c35876175fbd536ae2b55f231729c0867f\
         f8a3dab8ef2b5c1f27b88f5a0299a24644c5ebe9bcb8909e532279cee448aa0988cb62c797e22224e9940ded\
         e24ed018234dcc9afc0b7b54e4ffda0008010100000010dc32c0ffcc00041005ffda0008010100013f10bb07\
         30964ec35ee4fc08845ee3464881ebb2de3c2a51a5ccd0fb9711d7a83df1de2dfebb4c5c4861d22b4dbf83b0\
         3df5e10ca9ea37f164f852a4acb8999ba8ac9cd38ad09119928d0b9e920f9c08ca7c23c028503263bc870ca6\
         04f6f91a84a8e522c816bb55f28e67f1afcec531613005cfa98d706cc18786d3ca369851ffd9\
         ",
    ),
    // Sequential, 2x1, 1x2 and 1x1 samples: blocks that pad their MCU.
    (
        &[
            "99830b29ce50d5e3b37af385dc51552479a2e56d962005e776da85d197270e64",
            "a389d878b45e1345063df4ea970e55bf4018c640bd3546527de5559a0b46ed47",
            "59a215a271507e25846ef8166d16a81733e72f4bf2fff78ad6b0f2fe5ec766fd",
        ],
        "\
         ffd8ffc90011080021002f03012100021201031101ffcc000a0010100501101105ffda000c03010002110311\
         003f00d25a6567c1bfdada7fadf3ee1fdac21bcfc49a7b9721a24c625d8cf1d3e2922e5afae831ae157b8d8d\
         23738df0ca9317df84288cdc9edff0753b2406a40e558e38d728f0d10809b1e6a0eecdfe6ebc16681f100d30\
         355aeedc12305c5f63d898f8b3e2f87b735e960f5cb651ab96d4beaad437c63ba9223af33344fe9276e0df80\
         f5a5e0960da4909f3a0d2d79dcf630e7fcf671a0a5a2468b0b6ff867615b212fad76128f0b6dc6e05ab72692\
         6e637d2afee7cf976308581a356b7563945c5943a7804aa62d70bdec0c37ed5181ca08c222183a1545a26834\
         424b784c6b8ffad9c6eacf1349e6d345700a26db15004d4a919d8f4f5371cbb969d0b3fb7dc5783f8c76ccce\
         2d9fa480ce25d0ea566c5dc5925aad92b085611b055900c290ae3d7277b8c7b995705343f54f4b394b47806e\
         52badb0fa94fa15448080b9959b3a3089a035953d4942a8ff40564da6f23dc8f3d661f03de724ca49f3108d0\
         fdbca76ed8aec8f5897b80ffd9\
         ",
    ),
    // Progressive, 4:2:0.
    (
        &[
            "f0cc818d3dd09a78ac0830d85069722bc637bb29634b6a146c17704fa4b950e4",
            "46d51c86d2081b5ae448ea08832e643a0b70ba500eb6842c4bc7b4e83e411da6",
            "8360db02ab8b17fbe75572b5540ac1fbce85a6fa74468ff6d7bb1de9c660edd7",
        ],
        "\
         ffd8ffca0011080009000703012200021101031101ffcc000600100110ffdd00040002ffda000c0301000210\
         0310000001ff009070c8d402b6ffcc00041005ffda0008010100010502138f8541ef908b8fa4abf4e280ffcc\
         00041105ffda0008010301013f013aaa990bdb0ac70ab1c9719f54d215db946f2dd8ffcc00041105ffda0008\
         010201013f0115f67ff171fa440e4936282effcc00041005ffda0008010100063f023547d1aaab4f1a3dc305\
         232d91eaf0363fb7e4e0264a36cca0da4cc3ffcc00041005ffda0008010100013f214d2644651434ada9702b\
         8c73f8ffda000c03010002000300000010a4ffcc00041105ffda0008010301013f1072d5c1b0fe9b07c7e4db\
         f276ffcc00041105ffda0008010201013f104bb80326f8cf13d62d9e40ffcc00041005ffda0008010100013f\
         10d5cc02d9feb098ac9af335c51ad0ffd9\
         ",
    ),
    // Sequential, random coefficients and conditioning, three components.
    (
        &[
            "87742c314380fca5cc3cfa86aec4320c716f3d79cbb2d1393ab17a43ad792e30",
            "22dbed6d6c57fe4194d025f2a144233ef9b3cf89b206a1594f131873b375505e",
            "cf0218b5369d202b4f94d6fa64d5cac9d090cc212ddb6e1e96315bfad4d40139",
        ],
        "\
         ffd8ffc9001108000b000c03012200021101031101ffcc000a007002e112161324ffda000c03010302020323\
         003f005d99d29f0497928adeebee005cb5452b738bd44622671aaf4f0bd234cbe463e348666d0eeda7b1fbf5\
         0720662d4fe63bceb23f85fe1ad8c7182bf8067bd9236e426e1d3b4e5400022f1f4f443af815ba583412d55f\
         3f6e611ad94003dbed9dbedb6c1dc9ae09d3be2e6d75b61f24d5d9425c72255358d9b48e7358a65fc6f1bc73\
         f1799920f1e43e744269a3deca1c06b4262bb112c58a2f37244d3e3f1dcec198a20089fcffd9\
         ",
    ),
    // Sequential, random coefficients and conditioning.
    (
        &[
            "259f6b73a0981afdd1c143da253fe152581de0e508e5fb09e748f040ce88c563",
            "e5a976bffa1f17f86a00099a3e5f5815726c1c7923421b0c341d2acdd7dc52f6",
            "8dd9cbac412601f27e0801816847582162560e3afb23d1c7a8fc53dd8ec0cfa6",
        ],
        "\
         ffd8ffc9001108000e000103012200021101031101ffcc000c0011102802f303fe130effdd00040004ffda00\
         0c03012302000330003f00ee8379bbe95dff002213909123f31a428c624fc7bf62004bff00128ae67ba679d3\
         316ac797e6acf9a4d5756fa2b255d92a2200df4ac94010a4b674d67783be20429b1625f0c639fef9b0dc33f3\
         5f6a0594832f08d289180bb43171d87a3ab43ec99c785ea2cd96d55a2742f366f17c38aff4cdd2b0da3c37b8\
         919cd2387a3c2c9a8789846d9f5f597a8f8c609a25b9ec92378555861863e8a8ffd9\
         ",
    ),
    // Progressive, random coefficients and conditioning, three refinements of DC and AC.
    (
        &["255fe2a55b6f9eb5fafead972db4da1e9f8adcb9ecf1ad0d07fd9158d01fd85b"],
        "\
         ffd8ffca000b080009000901011100ffcc000401c6ffda0008010110000003e91d0580ffcc0004113affda00\
         08010101010e044bd032b9158230745efe08d2fb4fda40ffcc0004113affda00080101010f3f044bcb10d02d\
         5421849a638232f6f9d7faf7fd76ff00a0f4ffcc0004113affda0008010101013f43570f41e58235eba3d174\
         9c40be8bf580ffcc0004113affda0008010101013f32a5e5d0f2f83c4478f121adfdbd3052e577b71e80ffcc\
         0004113affda0008010101013f21a5e3004911c22e482d4c52083c26d0cf90ffcc0004113affda0008010101\
         013f102676b24cbb08faab762e0a3b8cfcf59fadea8eb94de0ffda0008010100000032f0ffda000801010000\
         0021d8ffda0008010100000010f0ffd9\
         ",
    ),
    // Progressive, random coefficients of up to 16 bits.
    (
        &["49719787541cf510c582d3a6119470a25a6a0a9b035bb8dd1fb7bf0070f06d5d"],
        "\
         ffd8ffca000b080002001701011100ffcc000402e7ffda0008010120000001fdaff8ffcc0004103dffda0008\
         010100012e016d1540e6e12fd81f179d6c3a39c0a90e6edc8f8e723c67b95c0093117faf3c5819f1e8c99cbe\
         b80d9ba211b8044ade89811ac7eb21954fca8bfe8da362d4d9b707cbb394f047357e576f883f56f6e1eb4849\
         f741e9bd1a7860b510394446716d7f7cffcc0004103dffda00080101002f3f018761332331e644b68a39276c\
         015bf5e3e2f4ac1e374830354523821fdf32d47680b0ffcc0004103dffda0008010100013f104ed27b2c2873\
         e5dff7808cff00b3361614108e2a373a1a98aba32515c1c0ffda0008010100000010ffd9\
         ",
    ),
    // Sequential, random coefficients of up to 16 bits.
    (
        &[
            "b114c766424b25752f009e3ca5a41d21e7b4041cc7d2afc350be6ff794109d5b",
            "79bc621ad508ad86984076f0ff49b7057cef3e6c01eb615c7520af83d34f9e33",
            "6905f19e270e59b790339c657b3616da126b7ade28a20fd3854dc94a419add87",
        ],
        "\
         ffd8ffc90011080021000603011100021101031101ffcc000a00a3015312011314ffda000c03011302120302\
         003f0062f1745369689ca2db1fdc42c81857875589aa2ebd28e6f01c203f4d4552882d39fee06381a5885d82\
         e757e26cd40654d58555d5c44a1df3577ab4350b39fd02a73ea8ddf3bdc2778aca6d522b200ced09e0374fb1\
         148af62015e68bcc4d40699eb6bef79520e617d43b11f5f516ed35b499fd6059c7515b14362062c645f677fc\
         05adba693d39a96f5c09387d8abd95a446cc52f48410531a6b7664ebde7baacc5ff4c7a6d9d8162b4381a5b4\
         6a4f39854aeee7de75287e5433c5aa4f2400b1b1d147200161a79e2e5b51310a735caf28833363febcf893ce\
         8a208976e883343eb89abb2267e71a8b4d22cccdab0b29f1944e4fd327d3c0df40a2e595973f65623fa00bf5\
         5c2b189cd6863c27f44ebcc0a0bc706e71be68d633e62f3bee42997e1f5e39189e19e1cdb8df9a1851d4ef64\
         162ab018a18972e7157e383cb75ab84bc3aa6440f84b370427cc18bf44207255511c97d7cbb76453546b9f47\
         190439a84aaf7508ffd9\
         ",
    ),
];
