// The page before signing in: it opens without reception, too, once there is somebody to open it for.
import { openOffline } from "./offline.js";

openOffline("/duty/worker.js", "/duty/");
