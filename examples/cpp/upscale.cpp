// A grey picture twice as large on all cores, by a network that `pocketsr compile` made into a library.
//
//     pocketsr compile tiny -o compiled
//     c++ -std=c++17 -pthread upscale.cpp -I compiled -L compiled -l:tiny.so -Wl,-rpath,"$PWD/compiled" -o upscale
//     ./upscale small.pgm large.pgm
#include <algorithm>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include "tiny.h"
}

namespace {

constexpr int scale = 2, largest = 16384;

struct Picture {
    int width = 0, height = 0;
    std::vector<std::uint8_t> samples;
};

Picture read(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    int max_value = 0;
    Picture picture;
    if (!(file >> magic >> picture.width >> picture.height >> max_value) || magic != "P5" || max_value != 255)
        throw std::runtime_error(path + " is no PGM picture of 8 bits");
    if (picture.width < 1 || picture.height < 1 || picture.width > largest || picture.height > largest)
        throw std::runtime_error(path + " has a size that isn't supported");
    file.get();
    picture.samples.resize(static_cast<std::size_t>(picture.width) * picture.height);
    if (!file.read(reinterpret_cast<char *>(picture.samples.data()), static_cast<std::streamsize>(picture.samples.size())))
        throw std::runtime_error(path + " ends too early");
    return picture;
}

// The bands of a frame may be cut among threads in any way; each needs scratch memory of its own.
Picture upscale(const Picture &small)
{
    Picture large{scale * small.width, scale * small.height, {}};
    large.samples.resize(scale * scale * small.samples.size());
    const int bands = tiny_bands(small.height);
    const int count = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, bands);
    std::vector<std::vector<std::uint8_t>> scratch(count, std::vector<std::uint8_t>(tiny_scratch(small.width)));
    std::vector<std::thread> threads;
    for (int i = 0; i < count; i++)
        threads.emplace_back([&, i] {
            tiny_u8(small.samples.data(), small.width, 0, large.samples.data(), large.width, 0, small.width,
                    small.height, bands * i / count, bands * (i + 1) / count, scratch[i].data());
        });
    for (std::thread &thread : threads) thread.join();
    return large;
}

void write(const Picture &picture, const std::string &path)
{
    std::ofstream file(path, std::ios::binary);
    file << "P5\n" << picture.width << ' ' << picture.height << "\n255\n";
    file.write(reinterpret_cast<const char *>(picture.samples.data()), static_cast<std::streamsize>(picture.samples.size()));
    if (!file.flush()) throw std::runtime_error(path + " can't be written");
}

} // namespace

int main(int argc, char **argv)
{
    try {
        if (argc != 3) throw std::runtime_error("two files are expected: IN.pgm OUT.pgm");
        write(upscale(read(argv[1])), argv[2]);
    } catch (const std::exception &error) {
        std::cerr << "upscale: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
