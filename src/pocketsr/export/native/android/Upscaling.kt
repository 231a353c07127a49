// A frame of Android's camera or decoder, enlarged. Sources: add this file to the app, beside the AAR.
package @PACKAGE@

import android.graphics.ImageFormat
import android.media.Image
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors

/** Three planes of 8 bits: luma, and chroma half as wide and high. */
class Planes(val width: Int, val height: Int) {
    val y: Plane = Plane.allocate(width, height)
    val u: Plane = Plane.allocate(width / 2, height / 2)
    val v: Plane = Plane.allocate(width / 2, height / 2)
}

/** Frames of one size in, frames [Upscaler.SCALE] times as large out, on [threads] threads. */
class FrameUpscaler(
    val width: Int,
    val height: Int,
    threads: Int = minOf(4, Runtime.getRuntime().availableProcessors()),
) : AutoCloseable {
    private val pool: ExecutorService? = if (threads > 1) Executors.newFixedThreadPool(threads - 1) else null
    private val upscaler = Upscaler(width, height, threads, pool)

    /** A picture to write to, which may be used again and again. */
    fun newPlanes(): Planes = Planes(width * Upscaler.SCALE, height * Upscaler.SCALE)

    /** [image] is in YUV_420_888 and of this size.@KOTLIN_SAYS@ */
    fun upscale(image: Image, out: Planes@KOTLIN_GIVEN@) {
        require(image.format == ImageFormat.YUV_420_888) { "YUV_420_888 is expected" }
        require(image.width == width && image.height == height) { "${image.width}x${image.height}: ${width}x$height is expected" }
        val (y, u, v) = image.planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
        upscaler.frame(y, u, v, out.y, out.u, out.v@PASSED@)
    }

    override fun close() {
        pool?.shutdown()
    }
}
