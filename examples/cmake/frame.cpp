// Frames in I420 twice as large, on a pool of threads: frame_cpp WIDTH HEIGHT IN.yuv OUT.yuv
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

#include "tiny_i420.h"

namespace {

constexpr int scale = 2, most = 8192;

// What an app has a better one of: as many threads as strips, for this frame alone.
void on_threads(void *pool, int count, void (*task)(void *job, int i), void *job)
{
    std::atomic<int> next{0};
    const auto work = [&] {
        for (int i; (i = next++) < count;) task(job, i);
    };
    std::vector<std::thread> threads;
    for (int i = 1; i < *static_cast<int *>(pool); i++) threads.emplace_back(work);
    work();
    for (std::thread &thread : threads) thread.join();
}

int fail(const char *what)
{
    std::cerr << "frame: " << what << '\n';
    return 1;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 5) return fail("four words are expected: WIDTH HEIGHT IN.yuv OUT.yuv");
    const int w = std::atoi(argv[1]), h = std::atoi(argv[2]);
    if (w < 2 || h < 2 || w > most || h > most) return fail("sizes from 2 to 8192 pixels are expected");
    const std::size_t luma = static_cast<std::size_t>(w) * h, chroma = luma / 4, s = scale * scale;
    int threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
    std::vector<char> in(luma + 2 * chroma), out(s * in.size());
    std::vector<unsigned char> scratch(threads * tiny_i420_scratch(w));
    std::ifstream from(argv[3], std::ios::binary);
    std::ofstream to(argv[4], std::ios::binary);
    auto *given = reinterpret_cast<std::uint8_t *>(in.data()), *made = reinterpret_cast<std::uint8_t *>(out.data());

    tiny_i420_frame frame{};
    frame.w = w, frame.h = h;
    frame.y = given, frame.u = given + luma, frame.v = given + luma + chroma;
    frame.y_stride = w, frame.u_stride = frame.v_stride = w / 2;
    frame.to_y = made, frame.to_u = made + s * luma, frame.to_v = made + s * (luma + chroma);
    frame.to_y_stride = scale * w, frame.to_u_stride = frame.to_v_stride = scale * w / 2;
    while (from.read(in.data(), static_cast<std::streamsize>(in.size()))) {
        if (!tiny_i420(&frame, threads, scratch.data(), on_threads, &threads))
            return fail("an even width and height are expected");
        to.write(out.data(), static_cast<std::streamsize>(out.size()));
    }
    return to.flush() ? 0 : fail("the result can't be written");
}
