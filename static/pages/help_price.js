// The page that shows the price: its form is sent once, with photos made small.
import { openPhotos } from "./photo.js";
import "./sent_once.js";

openPhotos(document.getElementById("help"));
