// The script of a worker.
import { serve } from "./strips.js";
import type { Port } from "./strips.js";

serve(self as unknown as Port);
