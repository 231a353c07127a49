// A picture drawn here, enlarged, and how long that took. No frame comes from a camera, so no permission is asked for.
package pocketsr.sample

import android.app.Activity
import android.graphics.Bitmap
import android.os.Bundle
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.TextView
import java.util.concurrent.Executors
import kotlin.math.cos
import @PACKAGE@.Plane
import @PACKAGE@.Upscaler

class MainActivity : Activity() {
    private val width = 320
    private val height = 180
    private val pool = Executors.newFixedThreadPool(1)

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val small = Plane.allocate(width, height)
        for (y in 0 until height) for (x in 0 until width) {
            small.buffer().put(y * width + x, (127.5 + 127.5 * cos((x * x + y * y) / 600.0)).toInt().toByte())
        }
        val large = Plane.allocate(width * Upscaler.SCALE, height * Upscaler.SCALE)
        val upscaler = Upscaler(width, height, 2, pool)
        var best = Long.MAX_VALUE
        repeat(30) {
            val begin = System.nanoTime()
            upscaler.luma(small, large)
            best = minOf(best, System.nanoTime() - begin)
        }
        val text = TextView(this)
        text.text = "@MODEL@ (${Upscaler.variant()}): ${width}x$height in ${best / 1000} us"
        val views = LinearLayout(this)
        views.orientation = LinearLayout.VERTICAL
        views.addView(text)
        views.addView(shown(large, width * Upscaler.SCALE, height * Upscaler.SCALE))
        setContentView(views)
    }

    override fun onDestroy() {
        pool.shutdown()
        super.onDestroy()
    }

    private fun shown(plane: Plane, width: Int, height: Int): ImageView {
        val colours = IntArray(width * height) { at ->
            val grey = plane.buffer().get(at).toInt() and 255
            (0xff shl 24) or (grey shl 16) or (grey shl 8) or grey
        }
        val view = ImageView(this)
        view.setImageBitmap(Bitmap.createBitmap(colours, width, height, Bitmap.Config.ARGB_8888))
        return view
    }
}
