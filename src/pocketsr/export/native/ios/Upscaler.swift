import @MODULE@
import Dispatch

/// `@MODEL@`: frames of one size in, frames `scale` times as wide and high out, on the CPU.
///
/// A frame is cut into strips, which run on the system's threads; the result doesn't depend on how many there are. One
/// frame at a time; for several at once make several.
public final class Upscaler {
    public static let scale = @SCALE@
@SWIFT_DEFAULT@
    public let width: Int
    public let height: Int
    private let strips: Int
    private let step: Int
    private let scratch: UnsafeMutableRawPointer

    /// `strips`: how many threads may work on a frame. Nil for sizes beyond 1 to 16384 pixels a side.
    public init?(width: Int, height: Int, strips: Int = 2) {
        guard (1...16384).contains(width), (1...16384).contains(height), (1...64).contains(strips) else { return nil }
        self.width = width
        self.height = height
        self.strips = strips
        step = Int(@NAME@_i420_scratch(Int32(width + width % 2)))
        scratch = UnsafeMutableRawPointer.allocate(byteCount: step * strips, alignment: 64)
    }

    deinit {
        scratch.deallocate()
    }

    /// Which of the library's variants this processor runs, such as `dotprod`.
    public static var variant: String { String(cString: @NAME@_variant()) }

    /// Luma alone: `height` rows of `width` bytes, `fromStride` bytes apart. False where the rows overlap.
    public func luma(
        from: UnsafePointer<UInt8>, fromStride: Int, to: UnsafeMutablePointer<UInt8>, toStride: Int@SWIFT_LUMA_GIVEN@
    ) -> Bool {
@SWIFT_GUARD@        guard fromStride >= width, toStride >= Self.scale * width else { return false }
        let bands = Int(@NAME@_bands(Int32(height)))
        DispatchQueue.concurrentPerform(iterations: strips) { i in
            let first = Int32(bands * i / strips), last = Int32(bands * (i + 1) / strips)
            if first < last {
                @NAME@_u8@AT@(from, fromStride, 0, to, toStride, 0, Int32(width), Int32(height), first, last, scratch + step * i@SWIFT_MASK@)
            }
        }
        return true
    }

    /// Luma by the network and chroma by bicubic; see @NAME@_i420.h. False for what isn't a frame of this size.
    public func frame(_ given: @NAME@_i420_frame@SWIFT_GIVEN@) -> Bool {
@SWIFT_GUARD@        var frame = given
        guard Int(frame.w) == width, Int(frame.h) == height, @NAME@_i420_valid(&frame) == 1 else { return false }
        withUnsafePointer(to: frame) { frame in
            DispatchQueue.concurrentPerform(iterations: strips) { i in
                @NAME@_i420_strip@AT@(frame, Int32(i), Int32(strips), scratch + step * i@PASSED@)
            }
        }
        return true
    }
}
