#!/bin/sh
# Makes the clips that the bots play, with Debian's ffmpeg and fonts-dejavu-core. The results are committed; run this
# only to change them. Every layer shows the same moving test pattern with the frame number burnt in, starts with its
# only key frame, and has no invisible (alt-ref) frames, so that one frame is one RTP timestamp. VP8 and VP9 have three
# temporal layers (frames 0 2 1 2, and so on), AV1 has one, as the page sends it. VP9 and AV1 are short and of lower
# rates, to keep the binary small. The sound is made of voice-like harmonics in syllables with pauses; speech.levels
# holds one RFC 6464 level (-dBov) a packet.
set -eu
cd "$(dirname "$0")"

font=/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf

video() { # name seconds width height, then how it is encoded; 30 frames a second
	name=$1 frames=$(($2 * 30)) size=$3:$4
	shift 4
	ffmpeg -hide_banner -loglevel error -y -fflags +bitexact \
		-f lavfi -i "testsrc2=size=1280x720:rate=30" -frames:v "$frames" \
		-vf "drawtext=fontfile=$font:text='%{n}':x=(w-tw)/2:y=(h-th)/2:fontsize=160:fontcolor=white:box=1:boxcolor=black,scale=$size:flags=area" \
		-pix_fmt yuv420p "$@" -flags:v +bitexact "$name.ivf"
}

vpx() { # name encoder seconds width height kbit/s
	video "$1" "$3" "$4" "$5" -c:v "$2" -threads 1 -deadline good -cpu-used 2 \
		-b:v "$6k" -minrate "$6k" -maxrate "$6k" -bufsize "$(($6 / 2))k" \
		-g 9999 -keyint_min 9999 -auto-alt-ref 0 -lag-in-frames 0 -error-resilient 1 \
		-ts-parameters "ts_number_layers=3:ts_target_bitrate=$(($6 * 4 / 10)),$(($6 * 6 / 10)),$6:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3"
}

av1() { # name seconds width height kbit/s
	video "$1" "$2" "$3" "$4" -c:v libaom-av1 -threads 1 -usage realtime -cpu-used 8 -lag-in-frames 0 \
		-b:v "$5k" -minrate "$5k" -maxrate "$5k" -bufsize "$(($5 / 2))k" -g 9999 -keyint_min 9999
}

vpx vp8-q libvpx 8 320 180 150
vpx vp8-h libvpx 8 640 360 500
vpx vp8-f libvpx 8 1280 720 1200
vpx vp9-q libvpx-vp9 4 320 180 100
vpx vp9-h libvpx-vp9 4 640 360 300
vpx vp9-f libvpx-vp9 4 1280 720 700
av1 av1-q 4 320 180 80
av1 av1-h 4 640 360 240
av1 av1-f 4 1280 720 550

voice="(0.30*sin(2*PI*130*t)+0.22*sin(2*PI*260*t)+0.14*sin(2*PI*520*t)+0.08*sin(2*PI*1040*t)+0.03*sin(2*PI*2080*t))"
syllables="pow(abs(sin(2*PI*2*t)),1.5)*(0.6+0.4*sin(2*PI*0.5*t))"
pauses="lt(mod(t,4),3.2)"
ffmpeg -hide_banner -loglevel error -y -fflags +bitexact \
	-f lavfi -i "aevalsrc='$voice*$syllables*$pauses':sample_rate=48000:duration=8" \
	-c:a libopus -b:a 32k -application voip -frame_duration 20 -flags:a +bitexact speech.ogg
ffmpeg -hide_banner -loglevel error -i speech.ogg \
	-af "asetnsamples=960,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-" -f null - |
	awk -F= '/RMS_level/ { l = $2 == "-inf" ? 127 : int(-$2 + 0.5); if (l > 127) l = 127; if (l < 0) l = 0; print l }' >speech.levels
